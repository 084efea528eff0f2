/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Loads libslirp, see slirp-api.h. BQL. */
#include "qemu/osdep.h"
#include "slirp-api.h"

#include <dlfcn.h>

#define LIBRARY "libslirp.so.0"

static SlirpApi api;
static bool loaded;

static const struct {
    const char *name;
    size_t offset;
} functions[] = {
#define SLIRP_ROW(_name) { #_name, offsetof(SlirpApi, _name) },
    SLIRP_FUNCTIONS(SLIRP_ROW)
};

const SlirpApi *slirp_api(Error **errp)
{
    void *lib;

    if (loaded) {
        return &api;
    }
    lib = dlopen(LIBRARY, RTLD_NOW | RTLD_LOCAL);
    if (!lib) {
        error_setg(errp, "user-mode network needs %s: %s", LIBRARY, dlerror());
        error_append_hint(errp, "On Debian it is in the package libslirp0.\n");
        return NULL;
    }
    for (size_t i = 0; i < ARRAY_SIZE(functions); i++) {
        void *fn = dlsym(lib, functions[i].name);

        if (!fn) {
            error_setg(errp, "%s is too old: it has no %s", LIBRARY, functions[i].name);
            dlclose(lib);
            return NULL;
        }
        memcpy((char *)&api + functions[i].offset, &fn, sizeof(fn));
    }
    loaded = true;
    return &api;
}
