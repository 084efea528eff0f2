/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Writes that the kernel turns into signals of eventfds (api.rst KVM_IOEVENTFD). BQL. What it does
 * not take arrives as an exit and is handled by the region, as ever. */
#include "qemu/osdep.h"
#include "accel/kvm/kvm-int.h"
#include "trace.h"

static void assign(KVMState *s, hwaddr addr, const IoEvent *ev, uint32_t flags)
{
    struct kvm_ioeventfd io = {
        .datamatch = ev->data,
        .addr = addr,
        .len = ev->size ? ev->size : s->ioevent_any_len ? 0 : 2,
        .fd = ev->fd,
        .flags = flags | (ev->match ? KVM_IOEVENTFD_FLAG_DATAMATCH : 0),
    };
    int ret;

    if (ev->fd < 0) {
        return;
    }
    ret = kvm_vm_ioctl(s, KVM_IOEVENTFD, &io);
    trace_kvm_set_ioeventfd(ev->fd, addr, ev->data, !(flags & KVM_IOEVENTFD_FLAG_DEASSIGN),
                            io.len, ev->match, ret);
}

static void memory_event_add(MemoryListener *l, hwaddr addr, const IoEvent *ev)
{
    assign(container_of(l, KVMState, listener), addr, ev, 0);
}

static void memory_event_del(MemoryListener *l, hwaddr addr, const IoEvent *ev)
{
    assign(container_of(l, KVMState, listener), addr, ev, KVM_IOEVENTFD_FLAG_DEASSIGN);
}

static void port_event_add(MemoryListener *l, hwaddr addr, const IoEvent *ev)
{
    assign(container_of(l, KVMState, io_listener), addr, ev, KVM_IOEVENTFD_FLAG_PIO);
}

static void port_event_del(MemoryListener *l, hwaddr addr, const IoEvent *ev)
{
    assign(container_of(l, KVMState, io_listener), addr, ev,
           KVM_IOEVENTFD_FLAG_PIO | KVM_IOEVENTFD_FLAG_DEASSIGN);
}

/* Ports are nothing the kernel maps. */
static void no_region(MemoryListener *l, const FlatRange *range)
{
}

void kvm_ioevent_init(KVMState *s)
{
    s->have_ioeventfd = kvm_vm_check_extension(s, KVM_CAP_IOEVENTFD) > 0;
    s->ioevent_any_len = kvm_vm_check_extension(s, KVM_CAP_IOEVENTFD_ANY_LENGTH) > 0;
    if (!s->have_ioeventfd || !s->ms->io) {
        return;
    }
    s->listener.event_add = memory_event_add;
    s->listener.event_del = memory_event_del;
    s->io_listener = (MemoryListener){
        .region_add = no_region, .region_del = no_region,
        .event_add = port_event_add, .event_del = port_event_del,
    };
    address_space_set_listener(s->ms->io, &s->io_listener);
}

bool kvm_has_ioeventfd(MachineState *ms)
{
    return kvm_state(ms)->have_ioeventfd;
}
