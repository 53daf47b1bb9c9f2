# `check_headers`: every header compiles on its own, and twice. Not part of `all`.
add_custom_target(check_headers)

# gkm_check_headers(<target> <folder>): the headers of the folder see what the .cpp files of the target
# see, but for its precompiled headers.
function(gkm_check_headers target folder)
  set(root ${CMAKE_SOURCE_DIR}/${folder})
  file(GLOB headers CONFIGURE_DEPENDS RELATIVE ${root} ${root}/*.hpp)
  if(NOT headers)
    return()
  endif()
  set(sources)
  foreach(header IN LISTS headers)
    set(source ${CMAKE_BINARY_DIR}/headers/${folder}/${header}.cpp)
    set(include "#include \"${root}/${header}\"\n")
    file(CONFIGURE OUTPUT ${source} CONTENT "${include}${include}")
    list(APPEND sources ${source})
  endforeach()
  add_library(${target}_headers OBJECT EXCLUDE_FROM_ALL ${sources})
  target_include_directories(${target}_headers PRIVATE
                             $<TARGET_PROPERTY:${target},INCLUDE_DIRECTORIES>)
  target_link_libraries(${target}_headers PRIVATE $<TARGET_PROPERTY:${target},LINK_LIBRARIES>)
  # Nothing is ever linked from this: what counts is that it compiles.
  target_compile_options(${target}_headers PRIVATE -O0 -g0)
  add_dependencies(check_headers ${target}_headers)
endfunction()
