# Headers that nearly every file includes are parsed once for all targets that share them. Who shares them
# must be compiled alike.
set(GKM_STD_HEADERS <algorithm> <chrono> <cstdint> <filesystem> <functional> <map> <memory> <optional>
    <span> <string> <string_view> <vector>)

# gkm_precompile(<name> HEADERS header... [LINKS target...]): `gkm_precompiled_<name>`, to REUSE_FROM.
function(gkm_precompile name)
  cmake_parse_arguments(PRE "" "" "HEADERS;LINKS" ${ARGN})
  set(source ${CMAKE_BINARY_DIR}/precompiled/${name}.cpp)
  file(CONFIGURE OUTPUT ${source} CONTENT "")
  add_library(gkm_precompiled_${name} OBJECT ${source})
  target_link_libraries(gkm_precompiled_${name} PRIVATE ${PRE_LINKS})
  target_precompile_headers(gkm_precompiled_${name} PRIVATE ${GKM_STD_HEADERS} ${PRE_HEADERS})
endfunction()

gkm_precompile(std)
target_compile_definitions(gkm_precompiled_std PRIVATE ${GKM_STD_DEFINITIONS})
gkm_precompile(caf HEADERS <caf/all.hpp> LINKS caf)
