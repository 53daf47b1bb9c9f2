#include "cli/commands.hpp"
#include "cli/exit_code.hpp"
#include "cli/output/printing.hpp"
#include "cli/output/table.hpp"
#include "gpus/inventory.hpp"
#include "messages/json/json.hpp"

#include <iostream>

namespace gkm::cli {

result<int> gpus(const options& o) {
  auto found = find_inventory(o);
  if (!found) return fail(found.error());
  if (o.format == output::json || o.format == output::yaml) {
    auto document = json::parse(gkm::gpus::print_inventory(found->gpus));
    if (!document) return fail(document.error());
    print_document(*document, o.format);
    return success;
  }
  bool wide = o.format == output::wide;
  std::vector<std::string> header{"ID", "ARCH", "TYPE", "DRIVER"};
  if (wide) header.insert(header.end(), {"WARP", "XNACK", "SRAMECC", "UUID"});
  table t(header);
  auto or_dash = [](std::string text) { return text.empty() ? std::string("-") : text; };
  for (const auto& g : found->gpus) {
    std::vector<cell> row{std::to_string(g.id), g.arch_str(), or_dash(g.name),
                          or_dash(g.driver_version)};
    if (wide)
      row.insert(row.end(), {cell(g.warp_size ? std::to_string(g.warp_size) : "-"),
                             cell(std::string(to_string(g.xnack))),
                             cell(std::string(to_string(g.sramecc))), cell(or_dash(g.uuid))});
    t.add(std::move(row));
  }
  if (found->gpus.empty())
    std::cout << "No GPU, says " << found->origin << ".\n";
  else
    t.print(std::cout, wants_colours());
  if (wide) std::cout << "\nInventory: " << found->origin << '\n';
  return success;
}

}  // namespace gkm::cli
