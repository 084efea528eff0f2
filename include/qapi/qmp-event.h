/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How events leave; the typed functions are in the generated qapi/qapi-events.h. */
#ifndef QAPI_QMP_EVENT_H
#define QAPI_QMP_EVENT_H

#include "qapi/visit.h"

/* To all QMP clients that have finished negotiation. @type NULL: no data. BQL. */
void qmp_event_send(const char *name, const QapiType *type, const void *data);

#endif
