// SPDX-License-Identifier: MIT
// A small JSON Schema checker.
#include "cli/json_schema.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <regex>

namespace rosenblatt::cli {
namespace {

using Json = nlohmann::ordered_json;
using Complaints = std::vector<std::string>;

bool has_type(const Json& value, const std::string& type) {
    if (type == "object") return value.is_object();
    if (type == "array") return value.is_array();
    if (type == "string") return value.is_string();
    if (type == "boolean") return value.is_boolean();
    if (type == "integer") return value.is_number_integer();
    if (type == "number") return value.is_number();
    return type == "null" && value.is_null();
}

void check(const Json& value, const Json& schema, const std::string& place, Complaints& out);

void check_scalar(const Json& value, const Json& schema, const std::string& place,
                  Complaints& out) {
    if (schema.contains("type") && !has_type(value, schema["type"])) {
        out.push_back(fmt::format("{}: {} is not of type {}", place, value.dump(),
                                  schema["type"].get<std::string>()));
    }
    if (schema.contains("enum")) {
        const Json& allowed = schema["enum"];
        if (std::find(allowed.begin(), allowed.end(), value) == allowed.end()) {
            out.push_back(fmt::format("{}: {} is none of {}", place, value.dump(), allowed.dump()));
        }
    }
    if (schema.contains("pattern") && value.is_string() &&
        !std::regex_search(value.get<std::string>(),
                           std::regex(schema["pattern"].get<std::string>()))) {
        out.push_back(
            fmt::format("{}: {} does not match {}", place, value.dump(), schema["pattern"].dump()));
    }
    if (schema.contains("minimum") && value.is_number() && value < schema["minimum"]) {
        out.push_back(
            fmt::format("{}: {} is below {}", place, value.dump(), schema["minimum"].dump()));
    }
}

void check_object(const Json& value, const Json& schema, const std::string& place,
                  Complaints& out) {
    for (const Json& key : schema.value("required", Json::array())) {
        if (!value.contains(key.get<std::string>())) {
            out.push_back(fmt::format("{}: {} is missing", place, key.dump()));
        }
    }
    const Json properties = schema.value("properties", Json::object());
    const Json others = schema.value("additionalProperties", Json(true));
    for (const auto& [key, member] : value.items()) {
        const std::string below = place == "/" ? key : place + "/" + key;
        if (properties.contains(key)) {
            check(member, properties[key], below, out);
        } else if (others.is_object()) {
            check(member, others, below, out);
        } else if (others == false) {
            out.push_back(below + ": no such key in the schema");
        }
    }
}

void check(const Json& value, const Json& schema, const std::string& place, Complaints& out) {
    if (schema.contains("anyOf")) {
        Complaints last;
        for (const Json& choice : schema["anyOf"]) {
            last.clear();
            check(value, choice, place, last);
            if (last.empty()) break;
        }
        out.insert(out.end(), last.begin(), last.end());
    }
    check_scalar(value, schema, place, out);
    if (value.is_object()) check_object(value, schema, place, out);
    if (!value.is_array() || !schema.contains("items")) return;
    for (size_t i = 0; i < value.size(); ++i) {
        check(value[i], schema["items"], place + "/" + std::to_string(i), out);
    }
}

}  // namespace

std::vector<std::string> check_schema(const Json& document, const Json& schema) {
    Complaints out;
    check(document, schema, "/", out);
    return out;
}

}  // namespace rosenblatt::cli
