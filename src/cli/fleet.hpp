// SPDX-License-Identifier: MIT
// The fleet manifest: one YAML file per board we know, checked against fleet/schema.json.
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "cli/host/facts.hpp"

namespace rosenblatt::cli {

using Manifest = nlohmann::ordered_json;

/// Reads a manifest; an error when it is no YAML map.
Result<Manifest> read_manifest(const std::string& path);
/// The error names every place where a manifest breaks the schema.
Result<void> check_manifest(const std::string& path, const Manifest& manifest);
/// Checks and writes it; the file is complete or unchanged.
Result<void> write_manifest(const std::string& path, const Manifest& manifest);

/// What the audit compares with the host.
host::FleetFacts fleet_facts(const std::string& path, const Manifest& manifest);

/// The manifest with everything the audit measured; what it cannot know stays as it was, and is
/// "unknown" in a new one.
Manifest refresh_manifest(Manifest manifest, const host::HostFacts& facts);

/// Do these name one board? Case, blanks and punctuation do not count, but a "+" does: the ROCK 5
/// ITX+ is not the ROCK 5 ITX. A board's compatible string is as good as its model.
bool same_board(const std::string& claimed, const std::string& model,
                const std::vector<std::string>& compatible);

/// First release that has a patch of ours or of the lists (docs/upstream.md); nothing: not merged.
std::optional<host::KernelVersion> patch_merged_in(const std::string& patch);

}  // namespace rosenblatt::cli
