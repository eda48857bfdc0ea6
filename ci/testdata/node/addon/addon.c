/* SPDX-License-Identifier: MIT
 *
 * An addon for Node that hands Node's event loop to a Go library, and Go's promises to JavaScript. Node loads it once
 * for each of its environments: the main one and each worker. */
#include <node_api.h>
#include <stdlib.h>
#include <weft.h>

uintptr_t goBegin(void *loop, char *why, size_t size);
weft_promise goServe(uintptr_t go);
weft_promise goSum(uintptr_t go, int64_t n);
weft_promise goNever(uintptr_t go);
int goUnguarded(void);
void goChurn(void);
void goEnd(uintptr_t go, void *done, void *arg);

typedef struct {
  napi_env env;
  uintptr_t go; /* 0: not begun, or ended */
  napi_async_context context;
  napi_async_cleanup_hook_handle hook;
} addon;

typedef struct {
  addon *of;
  napi_deferred deferred;
} waiter;

#define CHECK(call) \
  if ((call) != napi_ok) abort()

static addon *addon_of(napi_env env) {
  void *a;
  CHECK(napi_get_instance_data(env, &a));
  return a;
}

static napi_value text_of(napi_env env, const char *text) {
  napi_value v;
  CHECK(napi_create_string_utf8(env, text, NAPI_AUTO_LENGTH, &v));
  return v;
}

/* A callback scope has JavaScript's own promises go on when it is closed. */
static void on_settled(void *arg, int status, int64_t value, const void *data) {
  waiter w = *(waiter *)arg;
  free(arg);
  if (w.of->go == 0) return; /* the environment ends: there is no JavaScript any more */
  napi_env env = w.of->env;
  napi_handle_scope handles;
  napi_callback_scope scope;
  napi_value v;
  CHECK(napi_open_handle_scope(env, &handles));
  CHECK(napi_open_callback_scope(env, NULL, w.of->context, &scope));
  if (status == 0) {
    CHECK(napi_create_int64(env, value, &v));
    CHECK(napi_resolve_deferred(env, w.deferred, v));
  } else {
    CHECK(napi_create_error(env, NULL, text_of(env, data != NULL ? data : weft_strerror(status)), &v));
    CHECK(napi_reject_deferred(env, w.deferred, v));
  }
  CHECK(napi_close_callback_scope(env, scope));
  CHECK(napi_close_handle_scope(env, handles));
}

static napi_value js_promise(addon *a, weft_promise promise) {
  napi_value v;
  waiter *w = malloc(sizeof(*w));
  if (w == NULL) abort();
  w->of = a;
  CHECK(napi_create_promise(a->env, &w->deferred, &v));
  if (weft_await(promise, on_settled, w) != 0) abort();
  return v;
}

static void on_detached(void *arg, int failed) {
  addon *a = arg;
  if (failed) abort();
  CHECK(napi_remove_async_cleanup_hook(a->hook));
  free(a);
}

/* The environment ends. Node runs the loop until the hook is removed. */
static void on_cleanup(napi_async_cleanup_hook_handle hook, void *arg) {
  addon *a = arg;
  uintptr_t go = a->go;
  a->hook = hook;
  a->go = 0;
  goEnd(go, (void *)on_detached, a);
}

static napi_value begin(napi_env env, napi_callback_info info) {
  (void)info;
  addon *a = addon_of(env);
  uv_loop_t *loop;
  char why[512] = "";
  CHECK(napi_get_uv_event_loop(env, &loop));
  uintptr_t go = goBegin(loop, why, sizeof(why));
  if (go == 0) {
    napi_throw_error(env, NULL, why);
    return NULL;
  }
  a->go = go;
  CHECK(napi_async_init(env, NULL, text_of(env, "go"), &a->context));
  CHECK(napi_add_async_cleanup_hook(env, on_cleanup, a, &a->hook));
  return NULL;
}

static napi_value serve(napi_env env, napi_callback_info info) {
  (void)info;
  return js_promise(addon_of(env), goServe(addon_of(env)->go));
}

static napi_value sum(napi_env env, napi_callback_info info) {
  size_t n = 1;
  napi_value arg;
  int64_t upto;
  CHECK(napi_get_cb_info(env, info, &n, &arg, NULL, NULL));
  CHECK(napi_get_value_int64(env, arg, &upto));
  return js_promise(addon_of(env), goSum(addon_of(env)->go, upto));
}

static napi_value never(napi_env env, napi_callback_info info) {
  (void)info;
  return js_promise(addon_of(env), goNever(addon_of(env)->go));
}

static napi_value unguarded(napi_env env, napi_callback_info info) {
  (void)info;
  napi_value v;
  CHECK(napi_create_int32(env, goUnguarded(), &v));
  return v;
}

static napi_value churn(napi_env env, napi_callback_info info) {
  (void)env;
  (void)info;
  goChurn();
  return NULL;
}

NAPI_MODULE_INIT() {
  const struct {
    const char *name;
    napi_callback f;
  } functions[] = {{"begin", begin}, {"serve", serve},         {"sum", sum},
                   {"never", never}, {"unguarded", unguarded}, {"churn", churn}};
  for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++) {
    napi_value f;
    CHECK(napi_create_function(env, functions[i].name, NAPI_AUTO_LENGTH, functions[i].f, NULL, &f));
    CHECK(napi_set_named_property(env, exports, functions[i].name, f));
  }
  addon *a = calloc(1, sizeof(*a));
  if (a == NULL) abort();
  a->env = env;
  CHECK(napi_set_instance_data(env, a, NULL, NULL));
  return exports;
}
