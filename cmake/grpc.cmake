# gRPC and protobuf's lite runtime, linked statically and without TLS: gkm-csi speaks over a unix socket, and
# what nobody calls is left out. The shared libraries cost an idle process 3 MB more, and a start 50 more files.
find_program(PROTOC protoc REQUIRED)
find_program(GRPC_CPP_PLUGIN grpc_cpp_plugin REQUIRED)
pkg_check_modules(GRPC REQUIRED grpc++_unsecure)

set(grpc_parts ${GRPC_STATIC_LIBRARIES})
list(FILTER grpc_parts INCLUDE REGEX "^(grpc|gpr|absl_)")
# Its .pc files do not name what it is made of besides Abseil.
list(APPEND grpc_parts protobuf-lite address_sorting upb cares re2 z)
set(grpc_archives)
foreach(name IN LISTS grpc_parts)
  find_library(GRPC_ARCHIVE_${name} NAMES lib${name}.a REQUIRED)
  list(APPEND grpc_archives ${GRPC_ARCHIVE_${name}})
endforeach()
list(REMOVE_DUPLICATES grpc_archives)

add_library(grpc INTERFACE)
target_compile_definitions(grpc INTERFACE GRPC_USE_PROTO_LITE)
target_link_libraries(grpc INTERFACE -Wl,--start-group ${grpc_archives} -Wl,--end-group
                      Threads::Threads)

# gkm_protocol(<target> FILE.proto...): messages and services of these files. Generated code is not ours to
# warn about.
function(gkm_protocol target)
  set(out ${CMAKE_BINARY_DIR}/protocols/${target})
  file(MAKE_DIRECTORY ${out})
  set(sources)
  foreach(proto IN LISTS ARGN)
    get_filename_component(name ${proto} NAME_WE)
    set(generated ${out}/${name}.pb.cc ${out}/${name}.pb.h ${out}/${name}.grpc.pb.cc
                  ${out}/${name}.grpc.pb.h)
    add_custom_command(
      OUTPUT ${generated}
      COMMAND ${PROTOC} -I ${CMAKE_CURRENT_SOURCE_DIR} --cpp_out=${out} --grpc_out=${out}
              --plugin=protoc-gen-grpc=${GRPC_CPP_PLUGIN} ${CMAKE_CURRENT_SOURCE_DIR}/${proto}
      DEPENDS ${proto}
      COMMENT "Generating from ${proto}")
    list(APPEND sources ${generated})
  endforeach()
  add_library(${target} STATIC ${sources})
  target_compile_options(${target} PRIVATE -w)
  target_include_directories(${target} SYSTEM PUBLIC ${out})
  target_link_libraries(${target} PUBLIC grpc)
endfunction()
