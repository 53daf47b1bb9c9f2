# How everything is compiled: language level, warnings, ccache, linker; sanitizers.cmake has the sanitizers.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
# For programs and for the archives that they are made of; a shared library adds -fPIC by itself.
string(APPEND CMAKE_CXX_FLAGS " -fPIE")
string(APPEND CMAKE_EXE_LINKER_FLAGS " -pie")

if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Release CACHE STRING "" FORCE)
endif()
# Dev: quick to compile, quick enough to run thousands of simulated worlds, every assertion on.
set(CMAKE_CXX_FLAGS_DEV "-O1 -g1 -DGKM_CHECKED")
# CAF 0.17 dereferences a null std::shared_ptr in its function-based spawn, which the assertions of g++'s library would
# end: they are for rooms without CAF.
set(GKM_STD_DEFINITIONS $<$<CONFIG:Dev>:_GLIBCXX_ASSERTIONS>)
set(CMAKE_C_FLAGS_DEV "-O1 -g1")
# Sections of their own, so that the linker leaves out what nobody calls: idle agents stay small.
set(CMAKE_CXX_FLAGS_RELEASE "-O2 -DNDEBUG -ffunction-sections -fdata-sections")
set(CMAKE_EXE_LINKER_FLAGS_RELEASE "-Wl,--gc-sections -Wl,--as-needed -Wl,-s")

add_compile_options(-Wall -Wextra -Wpedantic -Wnon-virtual-dtor -Wold-style-cast)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Werror)
  # GCC 12 sees overlaps and overruns in its own std::string once it inlines (GCC bug 105329 and kin).
  if(CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    add_compile_options($<$<CONFIG:Release>:-Wno-array-bounds> $<$<CONFIG:Release>:-Wno-restrict>
                        $<$<CONFIG:Release>:-Wno-stringop-overflow>
                        $<$<CONFIG:Release>:-Wno-stringop-overread>)
  endif()
endif()

include(sanitizers)

find_program(CCACHE ccache)
if(CCACHE)
  # Precompiled headers defeat ccache unless it may overlook their time stamps.
  set(CMAKE_CXX_COMPILER_LAUNCHER
      env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options($<$<COMPILE_LANGUAGE:CXX>:-fpch-preprocess>)
  else()
    add_compile_options("$<$<COMPILE_LANGUAGE:CXX>:SHELL:-Xclang -fno-pch-timestamp>")
  endif()
endif()

find_program(MOLD mold)
if(MOLD)
  add_link_options(-fuse-ld=mold)
endif()
