/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * -object memory-backend-ram, -file and -memfd: guest memory from anonymous pages, a file of the
 * host, or a file without a name, and how the host treats it (mmap(2), madvise(2), mbind(2),
 * memfd_create(2)). The memory is there once the object is complete. BQL.
 */
#include "qemu/osdep.h"
#include "backends/memory.h"
#include "hw/core/machine.h"
#include "hw/core/user-object.h"
#include "qapi/qapi-commands.h"
#include "qemu/cutils.h"

#include <fcntl.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>

#define HUGETLBFS_MAGIC 0x958458f6
#define MAX_HOST_NODES 128
#define NODE_WORDS (MAX_HOST_NODES / 64)
#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif
#ifndef MFD_HUGE_SHIFT
#define MFD_HUGE_SHIFT 26
#endif

static const char *const policy_names[] = { "default", "preferred", "bind", "interleave", NULL };
static const char *const on_off_auto[] = { "auto", "on", "off", NULL };

typedef struct MemoryBackend {
    Object parent;
    RAMBlock *block; /* NULL: not complete */
    bool used;       /* by the machine */
    uint64_t host_nodes[NODE_WORDS];
    /* Properties */
    uint64_t size_bytes;
    bool share, prealloc, merge, dump, reserve, canonical_path;
    uint32_t prealloc_threads;
    int policy;
    /* -file */
    char *mem_path;
    uint64_t align, offset;
    bool discard_data, readonly;
    int rom; /* OnOffAuto */
    /* -memfd */
    bool hugetlb, seal;
    uint64_t hugetlb_bytes;
} MemoryBackend;

/* --- Host pages ------------------------------------------------------------------------------ */

static bool any_node(const MemoryBackend *b)
{
    return b->host_nodes[0] || b->host_nodes[1];
}

static bool check_policy(const MemoryBackend *b, Error **errp)
{
    if (b->policy == MPOL_DEFAULT && any_node(b)) {
        error_setg(errp, "host-nodes must be empty for policy default, or you should explicitly "
                         "specify a policy other than default");
        return false;
    }
    if (b->policy != MPOL_DEFAULT && !any_node(b)) {
        error_setg(errp, "host-nodes must be set for policy %s", policy_names[b->policy]);
        return false;
    }
    return true;
}

/* The names stand in the order of the kernel's numbers. */
static bool bind_nodes(const MemoryBackend *b, Error **errp)
{
    if (any_node(b) &&
        syscall(SYS_mbind, b->block->host, b->block->size_bytes, (unsigned long)b->policy,
                b->host_nodes, (unsigned long)MAX_HOST_NODES + 1,
                MPOL_MF_STRICT | MPOL_MF_MOVE) < 0) {
        error_setg_errno(errp, errno, "cannot bind memory to host NUMA nodes");
        return false;
    }
    return true;
}

/* The kernel does it in one call since 5.14; older ones have each page touched. */
static bool preallocate(const MemoryBackend *b, Error **errp)
{
    RAMBlock *rb = b->block;

    if (madvise(rb->host, rb->size_bytes, MADV_POPULATE_WRITE) == 0) {
        return true;
    }
    if (errno == EINVAL && rb->fd >= 0 && fallocate(rb->fd, 0, (off_t)b->offset,
                                                   (off_t)rb->size_bytes) == 0) {
        errno = EINVAL; /* there is room: touching does not fault */
    } else if (errno != EINVAL || rb->fd >= 0) {
        error_setg_errno(errp, errno, "qemu_prealloc_mem: preallocating memory failed");
        return false;
    }
    for (uint64_t at = 0; at < rb->size_bytes; at += rb->page_bytes) {
        volatile uint8_t *p = rb->host + at;

        *p = *p;
    }
    return true;
}

static bool finish(MemoryBackend *b, Error **errp)
{
    RAMBlock *rb = b->block;

    if (b->merge) {
        madvise(rb->host, rb->size_bytes, MADV_MERGEABLE);
    }
    if (!b->dump) {
        madvise(rb->host, rb->size_bytes, MADV_DONTDUMP);
    }
    return bind_nodes(b, errp) && (!b->prealloc || preallocate(b, errp));
}

/* Takes @fd over. */
static bool map(MemoryBackend *b, int fd, uint64_t page_bytes, Error **errp)
{
    RAMBlockConfig cfg = {
        .fd = fd,
        .fd_offset = b->offset,
        .page_bytes = page_bytes,
        .align = b->align,
        .share = b->share,
        .reserve = b->reserve,
        .readonly = b->readonly && (b->share || b->rom != ON_OFF_AUTO_OFF),
    };

    b->block = ram_block_map(b->parent.name, b->size_bytes, &cfg, errp);
    return b->block && finish(b, errp);
}

/* Bytes of a page in the file. */
static uint64_t fd_page_bytes(int fd)
{
    struct statfs fs;
    int ret;

    do {
        ret = fstatfs(fd, &fs);
    } while (ret < 0 && errno == EINTR);
    return ret == 0 && fs.f_type == HUGETLBFS_MAGIC ? (uint64_t)fs.f_bsize
                                                    : (uint64_t)sysconf(_SC_PAGESIZE);
}

/* --- memory-backend-ram ---------------------------------------------------------------------- */

static bool check_common(const MemoryBackend *b, Error **errp)
{
    if (!b->size_bytes) {
        error_setg(errp, "Parameter 'size' is missing");
        return false;
    }
    return check_policy(b, errp);
}

static bool ram_complete(Object *obj, Error **errp)
{
    MemoryBackend *b = (MemoryBackend *)obj;

    return check_common(b, errp) && map(b, -1, 0, errp);
}

/* --- memory-backend-file --------------------------------------------------------------------- */

/* A file in a directory, without a name. */
static int open_in_directory(const char *dir, const char *id)
{
    g_autofree char *path = g_strdup_printf("%s/qemu_back_mem.%s.XXXXXX", dir, id);
    int fd = g_mkstemp_full(path, O_RDWR | O_CLOEXEC, 0600);

    if (fd >= 0) {
        unlink(path);
    }
    return fd;
}

/* An existing file, else (*created) a new one. */
static int open_file(const MemoryBackend *b, bool *created)
{
    int flags = (b->readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC, fd;
    struct stat st;

    *created = false;
    if (stat(b->mem_path, &st) == 0 && S_ISDIR(st.st_mode)) {
        return b->readonly ? (errno = EISDIR, -1) : open_in_directory(b->mem_path, b->parent.name);
    }
    fd = open(b->mem_path, flags);
    if (fd < 0 && errno == ENOENT && !b->readonly) {
        fd = open(b->mem_path, flags | O_CREAT | O_EXCL, 0644);
        *created = fd >= 0;
    }
    return fd;
}

static bool check_file(const MemoryBackend *b, uint64_t page_bytes, Error **errp)
{
    if (b->align % page_bytes) {
        error_setg(errp, "alignment 0x%" PRIx64 " must be multiples of page size 0x%" PRIx64,
                   b->align, page_bytes);
    } else if (b->align && !is_power_of_2(b->align)) {
        error_setg(errp, "alignment 0x%" PRIx64 " must be a power of two", b->align);
    } else if (b->offset % page_bytes) {
        error_setg(errp, "offset 0x%" PRIx64 " must be multiples of page size 0x%" PRIx64,
                   b->offset, page_bytes);
    } else if (b->size_bytes < page_bytes) {
        error_setg(errp, "memory size 0x%" PRIx64 " must be equal to or larger than page size 0x%"
                         PRIx64, b->size_bytes, page_bytes);
    } else {
        return true;
    }
    return false;
}

/* Makes the file as long as the memory; one that has a length must have that. */
static bool size_file(const MemoryBackend *b, int fd, uint64_t page_bytes, Error **errp)
{
    uint64_t need = ROUND_UP(b->size_bytes, page_bytes);
    struct stat st;

    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
        return true; /* a device: mmap() will tell */
    }
    if (st.st_size > 0 && (b->offset > (uint64_t)st.st_size ||
                           b->size_bytes > (uint64_t)st.st_size - b->offset)) {
        error_setg(errp, "backing store size 0x%" PRIx64 " does not match 'size' option 0x%" PRIx64,
                   (uint64_t)st.st_size, b->size_bytes);
        return false;
    }
    if (need > INT64_MAX - b->offset ||
        ((uint64_t)st.st_size < b->offset + need && !b->readonly &&
         ftruncate(fd, (off_t)(b->offset + need)) < 0)) {
        error_setg_errno(errp, need > INT64_MAX - b->offset ? EFBIG : errno, "ftruncate");
        return false;
    }
    return true;
}

static bool check_rom(const MemoryBackend *b, Error **errp)
{
    if (b->rom == ON_OFF_AUTO_ON && !b->readonly) {
        error_setg(errp, "property 'rom' = 'on' is not supported with 'readonly' = 'off'");
        return false;
    }
    if (b->rom == ON_OFF_AUTO_OFF && b->readonly && b->share) {
        error_setg(errp, "property 'rom' = 'off' is incompatible with 'readonly' = 'on' && "
                         "'share' = 'on'");
        return false;
    }
    return true;
}

static bool file_complete(Object *obj, Error **errp)
{
    MemoryBackend *b = (MemoryBackend *)obj;
    uint64_t page_bytes;
    bool created;
    int fd;

    if (!b->mem_path) {
        error_setg(errp, "Parameter 'mem-path' is missing");
        return false;
    }
    if (!check_common(b, errp) || !check_rom(b, errp)) {
        return false;
    }
    fd = open_file(b, &created);
    if (fd < 0) {
        error_setg_errno(errp, errno, "can't open backing store %s for guest RAM", b->mem_path);
        return false;
    }
    page_bytes = fd_page_bytes(fd);
    if (check_file(b, page_bytes, errp) && size_file(b, fd, page_bytes, errp)) {
        if (map(b, fd, page_bytes, errp)) {
            return true;
        }
    } else {
        close(fd);
    }
    if (created) {
        unlink(b->mem_path);
    }
    return false;
}

/* --- memory-backend-memfd -------------------------------------------------------------------- */

static bool memfd_complete(Object *obj, Error **errp)
{
    MemoryBackend *b = (MemoryBackend *)obj;
    unsigned flags = MFD_CLOEXEC | (b->seal ? MFD_ALLOW_SEALING : 0);
    uint64_t page_bytes;
    int fd;

    if (!check_common(b, errp)) {
        return false;
    }
    if (b->hugetlb) {
        flags |= MFD_HUGETLB;
        flags |= b->hugetlb_bytes ? (unsigned)ctz64(b->hugetlb_bytes) << MFD_HUGE_SHIFT : 0;
    }
    fd = memfd_create("memory-backend-memfd", flags);
    if (fd < 0) {
        error_setg_errno(errp, errno, "failed to create memfd");
        return false;
    }
    page_bytes = fd_page_bytes(fd);
    if (b->size_bytes > INT64_MAX - page_bytes ||
        ftruncate(fd, (off_t)ROUND_UP(b->size_bytes, page_bytes)) < 0) {
        error_setg_errno(errp, errno, "failed to resize memfd to %" PRIu64, b->size_bytes);
        close(fd);
        return false;
    }
    if (b->seal && fcntl(fd, F_ADD_SEALS, F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL) < 0) {
        error_setg_errno(errp, errno, "failed to add seals 0x%x",
                         F_SEAL_GROW | F_SEAL_SHRINK | F_SEAL_SEAL);
        close(fd);
        return false;
    }
    return map(b, fd, page_bytes, errp);
}

/* --- For the machine ------------------------------------------------------------------------- */

static MemoryBackend *find(const char *id, Error **errp)
{
    Object *obj = user_object_find(id);

    if (!obj || !object_is_a(obj, &type_memory_backend)) {
        error_setg(errp, "Memory backend '%s' not found", id);
        return NULL;
    }
    return (MemoryBackend *)obj;
}

bool memory_backend_size(const char *id, uint64_t *size_bytes, Error **errp)
{
    const MemoryBackend *b = find(id, errp);

    if (b) {
        *size_bytes = b->size_bytes;
    }
    return b != NULL;
}

RAMBlock *memory_backend_use(const char *id, Error **errp)
{
    MemoryBackend *b = find(id, errp);

    if (!b) {
        return NULL;
    }
    if (b->readonly && (b->share || b->rom != ON_OFF_AUTO_OFF)) {
        error_setg(errp, "memory backend '%s' is read-only; the machine's memory must not be", id);
        return NULL;
    }
    b->used = true;
    return b->block;
}

bool memory_backend_create(const char *id, uint64_t size_bytes, bool merge, bool dump,
                           Error **errp)
{
    g_autofree char *arg = g_strdup_printf("memory-backend-ram,id=%s,size=%" PRIu64
                                           ",merge=%s,dump=%s", id, size_bytes,
                                           merge ? "on" : "off", dump ? "on" : "off");

    return user_object_add(arg, errp);
}

/* --- query-memdev ---------------------------------------------------------------------------- */

static void describe(Object *obj, MemdevList *list)
{
    const MemoryBackend *b = (const MemoryBackend *)obj;
    Memdev *info = MemdevList_append(list);

    info->id = g_strdup(obj->name);
    info->size = b->size_bytes;
    info->merge = b->merge;
    info->dump = b->dump;
    info->prealloc = b->prealloc;
    info->share = b->share;
    info->has_reserve = true;
    info->reserve = b->reserve;
    info->policy = (HostMemPolicy)b->policy;
    info->host_nodes = g_new0(uint16List, 1);
    for (unsigned n = 0; n < MAX_HOST_NODES; n++) {
        if (b->host_nodes[n / 64] >> n % 64 & 1) {
            *uint16List_append(info->host_nodes) = (uint16_t)n;
        }
    }
}

bool qmp_query_memdev(MemdevList **ret, Error **errp)
{
    Object *objects = object_get_child(current_machine->root, "objects");

    *ret = g_new0(MemdevList, 1);
    for (guint i = 0; objects->children && i < objects->children->len; i++) {
        Object *obj = g_ptr_array_index(objects->children, i);

        if (object_is_a(obj, &type_memory_backend)) {
            describe(obj, *ret);
        }
    }
    return true;
}

/* --- Properties ------------------------------------------------------------------------------ */

static bool check_not_zero(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if (value == 0) {
        error_setg(errp, "property '%s' of %s doesn't take value '0'", prop->name,
                   obj->type->name);
        return false;
    }
    return true;
}

static bool check_hugetlb_size(Object *obj, const Property *prop, uint64_t value, Error **errp)
{
    if (value && !is_power_of_2(value)) {
        error_setg(errp, "Hugepage size must be a power of 2");
        return false;
    }
    return true;
}

static bool add_nodes(MemoryBackend *b, uint64_t first, uint64_t last, Error **errp)
{
    if (first > last || last >= MAX_HOST_NODES) {
        error_setg(errp, "Invalid host-nodes value: %" PRIu64, first > last ? first : last);
        return false;
    }
    for (; first <= last; first++) {
        b->host_nodes[first / 64] |= 1ull << first % 64;
    }
    return true;
}

/* "3", "0-2"; given more than once they add up. */
static bool set_host_nodes(Object *obj, const Property *prop, const char *value, Error **errp)
{
    const char *end;
    uint64_t first, last;

    if (qemu_strtou64(value, &end, 10, &first) < 0) {
        return false;
    }
    last = first;
    if (*end == '-' && qemu_strtou64(end + 1, &end, 10, &last) < 0) {
        return false;
    }
    return !*end && add_nodes((MemoryBackend *)obj, first, last, errp);
}

static json_object *get_host_nodes(const Object *obj, const Property *prop)
{
    const MemoryBackend *b = (const MemoryBackend *)obj;
    json_object *list = json_object_new_array();

    for (int n = 0; n < MAX_HOST_NODES; n++) {
        if (b->host_nodes[n / 64] >> n % 64 & 1) {
            json_object_array_add(list, json_object_new_int(n));
        }
    }
    return list;
}

static const PropertyOps host_nodes_ops = {
    .type_name = "int", .set = set_host_nodes, .get_json = get_host_nodes,
};

/* "host-nodes.0" and so on, the elements of a JSON list. */
static bool set_element(Object *obj, const char *name, const char *value, bool *found,
                        Error **errp)
{
    *found = g_str_has_prefix(name, "host-nodes.");
    return *found && object_set_prop_str(obj, "host-nodes", value, errp);
}

static const PropertyHooks backend_hooks = { .set_str = set_element };

#define BACKEND_BOOL(_field, _name, _default, ...)                                              \
    DEFINE_PROP(PROP_BOOL, MemoryBackend, _field, _name, .default_val = _default, __VA_ARGS__)
#define BACKEND_SIZE(_field, _name, ...)                                                        \
    DEFINE_PROP(PROP_SIZE, MemoryBackend, _field, _name, __VA_ARGS__)

static const Property backend_props[] = {
    BACKEND_BOOL(merge, "merge", true, .description = "Mark memory as mergeable"),
    BACKEND_BOOL(dump, "dump", true, .description = "Set to 'off' to exclude from core dump"),
    BACKEND_BOOL(prealloc, "prealloc", false, .description = "Preallocate memory"),
    DEFINE_PROP(PROP_UINT32, MemoryBackend, prealloc_threads, "prealloc-threads",
                .default_val = 1, .check = check_not_zero,
                .description = "Number of CPU threads to use for prealloc"),
    BACKEND_SIZE(size_bytes, "size", .check = check_not_zero,
                 .description = "Size of the memory region (ex: 500M)"),
    { .name = "host-nodes", .kind = PROP_CUSTOM, .ops = &host_nodes_ops,
      .description = "Binds memory to the list of NUMA host nodes" },
    DEFINE_PROP(PROP_ENUM, MemoryBackend, policy, "policy", .enum_names = policy_names,
                .enum_type = "HostMemPolicy", .description = "Set the NUMA policy"),
    BACKEND_BOOL(share, "share", false,
                 .description = "Mark the memory as private to QEMU or shared"),
    BACKEND_BOOL(reserve, "reserve", true,
                 .description = "Reserve swap space (or huge pages) if applicable"),
    BACKEND_BOOL(canonical_path, "x-use-canonical-path-for-ramblock-id", true),
    DEFINE_PROP_END,
};

static const Property file_props[] = {
    BACKEND_SIZE(align, "align"),
    BACKEND_BOOL(discard_data, "discard-data", false),
    DEFINE_PROP(PROP_STRING, MemoryBackend, mem_path, "mem-path"),
    BACKEND_SIZE(offset, "offset", .description = "Offset into the target file (ex: 1G)"),
    BACKEND_BOOL(readonly, "readonly", false),
    DEFINE_PROP(PROP_ENUM, MemoryBackend, rom, "rom", .enum_names = on_off_auto,
                .enum_type = "OnOffAuto",
                .description = "Whether to create Read Only Memory (ROM)"),
    DEFINE_PROP_END,
};

static const Property memfd_props[] = {
    BACKEND_BOOL(hugetlb, "hugetlb", false, .description = "Use huge pages"),
    BACKEND_SIZE(hugetlb_bytes, "hugetlbsize", .check = check_hugetlb_size,
                 .description = "Huge pages size (ex: 2M, 1G)"),
    BACKEND_BOOL(seal, "seal", true, .description = "Seal growing & shrinking"),
    DEFINE_PROP_END,
};

static void memfd_init(Object *obj)
{
    ((MemoryBackend *)obj)->share = true;
}

static void backend_finalize(Object *obj)
{
    MemoryBackend *b = (MemoryBackend *)obj;

    if (b->block && b->discard_data && b->share) {
        ram_block_discard(b->block, 0, b->block->size_bytes);
    }
    ram_block_free(b->block);
}

static bool backend_in_use(const Object *obj)
{
    return ((const MemoryBackend *)obj)->used;
}

const ObjectType type_memory_backend = {
    .name = "memory-backend",
    .instance_size = sizeof(MemoryBackend),
    .abstract = true,
    .props = backend_props,
    .hooks = &backend_hooks,
    .instance_finalize = backend_finalize,
    .in_use = backend_in_use,
};

#define MEMORY_BACKEND(_name, ...)                                                              \
    { .name = _name, .parent = &type_memory_backend, .instance_size = sizeof(MemoryBackend),    \
      .user_creatable = true, __VA_ARGS__ }

const ObjectType type_memory_backend_ram =
    MEMORY_BACKEND("memory-backend-ram", .complete = ram_complete);
const ObjectType type_memory_backend_file =
    MEMORY_BACKEND("memory-backend-file", .props = file_props, .complete = file_complete);
const ObjectType type_memory_backend_memfd =
    MEMORY_BACKEND("memory-backend-memfd", .props = memfd_props, .instance_init = memfd_init,
                   .complete = memfd_complete);
