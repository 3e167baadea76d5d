// SPDX-License-Identifier: MIT
#include "emukernel/fault_plan.hpp"

#include <array>
#include <charconv>
#include <cmath>
#include <string>

namespace rosenblatt::emukernel {
namespace {

struct FaultSyntax {
    const char* name;
    FaultKind kind;
    const char* counter;  ///< the key that must be given: "job", "bo" or "x"
};

constexpr std::array k_syntax{
    FaultSyntax{"hang", FaultKind::Hang, "job"},
    FaultSyntax{"drop", FaultKind::Drop, "job"},
    FaultSyntax{"flip", FaultKind::Flip, "job"},
    FaultSyntax{"partial", FaultKind::Partial, "job"},
    FaultSyntax{"swap", FaultKind::Swap, "job"},
    FaultSyntax{"stale", FaultKind::Stale, "job"},
    FaultSyntax{"iommu", FaultKind::Iommu, "job"},
    FaultSyntax{"slow", FaultKind::Slow, "x"},
    FaultSyntax{"lost", FaultKind::Lost, "job"},
    FaultSyntax{"enospc", FaultKind::Enospc, "bo"},
};

Error bad_rule(std::string_view rule, const std::string& why) {
    return {EINVAL,
            "The fault \"" + std::string(rule) + "\" cannot be used: " + why +
                "; write for example hang:job=3 or flip:job=5,bit=17,lane=1, separated by ';'."};
}

template <typename T>
bool read_number(std::string_view text, T& target) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    return error == std::errc{} && end == text.data() + text.size();
}

std::string_view take_until(std::string_view& text, char separator) {
    const size_t at = text.find(separator);
    const std::string_view head = text.substr(0, at);
    text = at == std::string_view::npos ? std::string_view{} : text.substr(at + 1);
    return head;
}

// Sets the member that `key` names; false when the fault has no such key or the value is no number.
bool set_member(FaultRule& rule, const FaultSyntax& syntax, std::string_view key,
                std::string_view value) {
    if (key == "x" && rule.kind == FaultKind::Slow)
        return read_number(value, rule.factor) && std::isfinite(rule.factor) && rule.factor > 0;
    if (key == "lane" && rule.kind != FaultKind::Slow) {
        unsigned lane = 0;
        if (!read_number(value, lane)) return false;
        rule.lane = lane;
        return true;
    }
    if (key == "bit" && rule.kind == FaultKind::Flip) return read_number(value, rule.bit);
    if (key == syntax.counter) return read_number(value, rule.number) && rule.number > 0;
    return false;
}

Result<FaultRule> parse_rule(std::string_view text) {
    std::string_view members = text;
    const std::string_view name = take_until(members, ':');
    const FaultSyntax* syntax = nullptr;
    std::string names;
    for (const FaultSyntax& candidate : k_syntax) {
        if (name == candidate.name) syntax = &candidate;
        names += (names.empty() ? "" : ", ") + std::string(candidate.name);
    }
    if (!syntax) return bad_rule(text, "its kind is not one of " + names);

    FaultRule rule;
    rule.kind = syntax->kind;
    bool counted = false;
    while (!members.empty()) {
        std::string_view value = take_until(members, ',');
        const std::string_view key = take_until(value, '=');
        if (!set_member(rule, *syntax, key, value))
            return bad_rule(text, "\"" + std::string(key) + "=" + std::string(value) +
                                      "\" does not belong to it or is out of range");
        counted = counted || key == syntax->counter;
    }
    if (!counted) return bad_rule(text, "it needs " + std::string(syntax->counter) + "=");
    return rule;
}

}  // namespace

Result<std::vector<FaultRule>> parse_faults(std::string_view text) {
    std::vector<FaultRule> rules;
    while (!text.empty()) {
        const std::string_view part = take_until(text, ';');
        if (part.empty()) continue;
        auto rule = parse_rule(part);
        if (!rule) return rule.error();
        rules.push_back(*rule);
    }
    return rules;
}

FaultPlan::FaultPlan(std::vector<FaultRule> rules)
    : rules_(std::move(rules)), spent_(rules_.size(), false) {
    for (const FaultRule& rule : rules_) {
        if (rule.kind == FaultKind::Slow) time_factor_ *= rule.factor;
        if (rule.kind == FaultKind::Stale) keeps_old_outputs_ = true;
    }
}

bool FaultPlan::strikes(size_t index, uint64_t number, unsigned lane) {
    const FaultRule& rule = rules_[index];
    if (spent_[index] || number < rule.number) return false;
    if (rule.lane && *rule.lane != lane) return false;
    spent_[index] = true;
    return true;
}

std::vector<FaultRule> FaultPlan::next_job(unsigned lane) {
    std::vector<FaultRule> due;
    std::lock_guard lock(mutex_);
    ++jobs_;
    for (size_t i = 0; i < rules_.size(); ++i) {
        const bool of_a_job =
            rules_[i].kind != FaultKind::Slow && rules_[i].kind != FaultKind::Enospc;
        if (of_a_job && strikes(i, jobs_, lane)) due.push_back(rules_[i]);
    }
    return due;
}

bool FaultPlan::next_bo_fails(unsigned lane) {
    std::lock_guard lock(mutex_);
    ++bos_;
    bool fails = false;
    for (size_t i = 0; i < rules_.size(); ++i)
        if (rules_[i].kind == FaultKind::Enospc && strikes(i, bos_, lane)) fails = true;
    return fails;
}

}  // namespace rosenblatt::emukernel
