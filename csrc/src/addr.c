/* SPDX-License-Identifier: MIT */
#include "internal.h"

int weft__addr_from(const weft_addr *a, struct sockaddr_storage *sa) {
  memset(sa, 0, sizeof(*sa));
  if (a->family == WEFT_IPV4) {
    struct sockaddr_in *in = (struct sockaddr_in *)sa;
    in->sin_family = AF_INET;
    in->sin_port = htons(a->port);
    memcpy(&in->sin_addr, a->ip, 4);
    return 0;
  }
  if (a->family == WEFT_IPV6) {
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)sa;
    in6->sin6_family = AF_INET6;
    in6->sin6_port = htons(a->port);
    in6->sin6_scope_id = a->scope;
    memcpy(&in6->sin6_addr, a->ip, 16);
    return 0;
  }
  return UV_EINVAL;
}

int weft__addr_to(const struct sockaddr *sa, weft_addr *a) {
  memset(a, 0, sizeof(*a));
  if (sa->sa_family == AF_INET) {
    const struct sockaddr_in *in = (const struct sockaddr_in *)sa;
    a->family = WEFT_IPV4;
    a->port = ntohs(in->sin_port);
    memcpy(a->ip, &in->sin_addr, 4);
    return 0;
  }
  if (sa->sa_family == AF_INET6) {
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)sa;
    a->family = WEFT_IPV6;
    a->port = ntohs(in6->sin6_port);
    a->scope = in6->sin6_scope_id;
    memcpy(a->ip, &in6->sin6_addr, 16);
    return 0;
  }
  return UV_EAFNOSUPPORT;
}

/* Unix has names for scopes, Windows numbers. */
int weft__addr_text(const weft_addr *a, char *text) {
  int err = uv_inet_ntop(a->family == WEFT_IPV4 ? AF_INET : AF_INET6, a->ip, text, WEFT_ADDR_TEXT);
  if (err != 0 || a->scope == 0) return err;
  size_t len = strlen(text);
  text[len++] = '%';
  size_t room = WEFT_ADDR_TEXT - len;
  return uv_if_indextoiid(a->scope, text + len, &room);
}
