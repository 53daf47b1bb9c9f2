// What programs of one node leave for each other on disk.
#include "base/tree_seal.hpp"
#include "messages/record.hpp"
#include "messages/volume.hpp"
#include "tests/fuzz/fuzz.hpp"

namespace gkm::fuzz {
namespace {

template <class T, result<T> (*Parse)(std::string_view), std::string (*Print)(const T&)>
void round_trip(std::string_view input) {
  work_meter work;
  require_round_trip(input, Parse, Print);
  work.require_at_most(256 << 10, 256, input.size(), "a record");
}

/// What is understood of a later version's record can be written as one of this version.
result<volume_record> parse_known_part(std::string_view text) {
  auto record = parse_volume_record(text);
  if (record) record->core_only = false;
  return record;
}

}  // namespace

std::vector<subject> subjects() {
  const std::string digest = "sha256:" + std::string(64, 'a');
  const std::string targets =
      R"("targets":[{"backend":"hip","arch":"gfx90a","warpSize":64,"xnack":"off","sramecc":"any"}])";
  const std::string stored = R"("manifest":")" + digest +
                             R"(","type":"triton","files":3,"bytes":99,)" + targets +
                             R"(,"problems":["p"],"relocatedFiles":1)";
  const std::string ref = R"("version":1,"kind":"GKMCache","namespace":"ns","name":"c",)";
  return {
      {"seal",
       round_trip<base::tree_seal, base::parse_tree_seal, base::print_tree_seal>,
       {"gkm tree seal 1\nentries 3\nbytes 9\nnames " + std::string(32, 'b') + "\ncontent " +
            std::string(32, 'c') + "\n",
        "gkm tree seal 1\nnames " + std::string(32, 'b') + "\nlater x\n", "gkm tree seal 2\n"}},
      {"stored",
       round_trip<stored_cache, parse_stored_cache, print_stored_cache>,
       {R"({"version":1,)" + stored + "}", R"({"version":2,)" + stored + "}"}},
      {"catalog",
       round_trip<catalog_record, parse_catalog_record, print_catalog_record>,
       {"{" + ref + R"("image":"quay.io/x:y","resolvedDigest":")" + digest + R"(","digest":")" +
            digest + R"(","state":"error","reason":"r","code":"refused",)" + targets +
            R"(,"files":1,"bytes":2,"relocatedFiles":3})",
        R"({"version":1,"kind":"ClusterGKMCache","name":"c","image":"x","state":"pending"})"}},
      {"status",
       round_trip<cache_status, parse_cache_status, print_cache_status>,
       {"{" + ref +
        R"("image":"x","state":"running","code":"none","message":"m","warnings":["w"],"resolvedDigest":")" +
        digest + R"(","stored":{)" + stored +
        R"(},"gpus":[{"id":0,"compatible":false,"reason":"r"}],"targetsKnown":true,)" +
        R"("pulledBytes":1,"totalBytes":2,"path":"/p","changedUnixSeconds":3,"retryUnixSeconds":4,"volumes":)" +
        R"([{"volumeId":"v","digest":")" + digest + R"(","podNamespace":"ns","podName":"p"}]})"}},
      {"volume",
       round_trip<volume_record, parse_known_part, print_volume_record>,
       {"{" + ref + R"("volumeId":"csi-1","phase":"mounted","boot":"b","target":"/t","digest":")" +
        digest +
        R"(","view":"overlay","mountPath":"/m","scratchBytes":1,"cacheFiles":2,"cacheBytes":3,"podNamespace":"ns",)" +
        R"("podName":"p","podUid":"u","notes":[{"reason":"R","message":"m"}],"createdUnixSeconds":5})"}},
  };
}

std::vector<std::string> tokens() {
  return {"\"version\":1",
          "\"kind\"",
          "\"namespace\"",
          "\"name\"",
          "\"digest\"",
          "\"state\"",
          "\"code\"",
          "\"targets\"",
          "\"volumes\"",
          "\"notes\"",
          "\"view\"",
          "readonly",
          "copy",
          "empty",
          "extracted",
          "outdated",
          "internal",
          "sha256:" + std::string(64, 'b'),
          "ClusterGKMCache",
          "\"pulledBytes\":1",
          "\"totalBytes\":0",
          "\\u001b",
          "\\u00e9",
          "null",
          "-1",
          "9223372036854775807",
          "/../"};
}

}  // namespace gkm::fuzz
