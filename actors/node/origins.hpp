/// Which repositories have a digest, and which logins may read it there. A cache shares what
/// another brought only if it could have pulled it, and who says so matters: a registry that
/// somebody chose can claim to have anything. So only a repository from which the digest was pulled
/// once, whole and verified, is asked whether another login may read it, too.
#pragma once

#include "messages/cache.hpp"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace gkm::node {

/// Entries; when there are more, all are forgotten, and pulled or asked for again.
constexpr size_t origins_max = 16'384;

class origins {
public:
  enum class standing {
    unknown,  ///< only a pull of its own shows what this image has
    known,    ///< its repository has the digest: it can be asked whether this login may read it
    proven,
  };

  standing of(const image_plan& plan) const;
  /// It was pulled as planned, or its repository vouched for the login.
  void proved(const image_plan& plan);
  /// A record says that a cache with this image was given the digest, by whatever login.
  void recorded(const digest& manifest, const image_ref& image);

private:
  using logins = std::set<std::vector<std::string>>;

  logins& at(const digest& manifest, const image_ref& image);

  std::map<digest, std::map<std::string, logins>> known_;  ///< by repository
  size_t entries_ = 0;
};

/// "host/repository" or the layout's directory.
std::string repository_of(const image_ref& image);

}  // namespace gkm::node
