# `check_headers`: every header compiles on its own, and twice. Not part of `all`.
add_custom_target(check_headers)

# gkm_check_headers(<target> <folder>): the headers of the current source directory, included as
# <folder>/x.hpp, see what the .cpp files of the target see, but for its precompiled headers.
function(gkm_check_headers target folder)
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_CURRENT_SOURCE_DIR}
       ${CMAKE_CURRENT_SOURCE_DIR}/*.hpp)
  if(NOT headers)
    return()
  endif()
  set(sources)
  foreach(header IN LISTS headers)
    set(source ${CMAKE_BINARY_DIR}/headers/${folder}/${header}.cpp)
    file(CONFIGURE OUTPUT ${source}
         CONTENT "#include \"${folder}/${header}\"\n#include \"${folder}/${header}\"\n")
    list(APPEND sources ${source})
  endforeach()
  add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${sources})
  target_link_libraries(${target}_headers PRIVATE ${target}
                        $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
  # Nothing is ever linked from this: what counts is that it compiles.
  target_compile_options(${target}_headers PRIVATE -O0 -g0)
  add_dependencies(check_headers ${target}_headers)
endfunction()
