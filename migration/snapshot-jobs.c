/* SPDX-License-Identifier: GPL-2.0-or-later */
/* snapshot-save, -load and -delete of QMP: jobs that run in the main loop after the reply. BQL. */
#include "qemu/osdep.h"
#include "migration/snapshot.h"
#include "qapi/qapi-commands.h"
#include "qapi/qapi-events.h"
#include "qemu/main-loop.h"

enum { MAX_JOBS = 256 };

typedef struct Job {
    char *id;
    JobType type;
    JobStatus status;
    char *tag, *vmstate;
    strList *devices;
    char *error;
} Job;

static GPtrArray *jobs; /* of Job */

static void job_free(gpointer p)
{
    Job *job = p;

    g_free(job->id);
    g_free(job->tag);
    g_free(job->vmstate);
    g_free(job->error);
    qapi_free_strList(job->devices);
    g_free(job);
}

static Job *job_find(const char *id)
{
    for (guint i = 0; jobs && i < jobs->len; i++) {
        Job *job = g_ptr_array_index(jobs, i);

        if (!strcmp(job->id, id)) {
            return job;
        }
    }
    return NULL;
}

static void set_status(Job *job, JobStatus status)
{
    job->status = status;
    qapi_event_send_job_status_change(&(EventJobStatusChange){ .id = job->id, .status = status });
}

static bool do_job(Job *job, Error **errp)
{
    switch (job->type) {
    case JOB_TYPE_SNAPSHOT_SAVE:
        return snapshot_save(job->tag, false, job->vmstate, job->devices, errp);
    case JOB_TYPE_SNAPSHOT_LOAD:
        return snapshot_load(job->tag, job->vmstate, job->devices, errp);
    default:
        return snapshot_delete(job->tag, job->devices, errp);
    }
}

static void run_job(void *opaque)
{
    Job *job = opaque;
    Error *err = NULL;

    set_status(job, JOB_STATUS_RUNNING);
    if (do_job(job, &err)) {
        set_status(job, JOB_STATUS_WAITING);
        set_status(job, JOB_STATUS_PENDING);
    } else {
        job->error = g_strdup(error_get_pretty(err));
        error_free(err);
        set_status(job, JOB_STATUS_ABORTING);
    }
    set_status(job, JOB_STATUS_CONCLUDED);
}

static bool start(JobType type, const char *id, const char *tag, const char *vmstate,
                  const strList *devices, Error **errp)
{
    Job *job;

    if (job_find(id)) {
        error_setg(errp, "Job ID '%s' already in use", id);
        return false;
    }
    if (jobs && jobs->len >= MAX_JOBS) {
        error_setg(errp, "there are %u jobs already", jobs->len);
        error_append_hint(errp, "Forget concluded ones with job-dismiss\n");
        return false;
    }
    if (!jobs) {
        jobs = g_ptr_array_new_with_free_func(job_free);
    }
    job = g_new0(Job, 1);
    job->id = g_strdup(id);
    job->type = type;
    job->tag = g_strdup(tag);
    job->vmstate = g_strdup(vmstate);
    job->devices = g_new0(strList, 1);
    for (size_t i = 0; i < devices->len; i++) {
        *strList_append(job->devices) = g_strdup(devices->items[i]);
    }
    g_ptr_array_add(jobs, job);
    set_status(job, JOB_STATUS_CREATED);
    main_loop_defer(run_job, job);
    return true;
}

bool qmp_snapshot_save(const SnapshotSaveArgs *args, Error **errp)
{
    return start(JOB_TYPE_SNAPSHOT_SAVE, args->job_id, args->tag, args->vmstate, args->devices,
                 errp);
}

bool qmp_snapshot_load(const SnapshotLoadArgs *args, Error **errp)
{
    return start(JOB_TYPE_SNAPSHOT_LOAD, args->job_id, args->tag, args->vmstate, args->devices,
                 errp);
}

bool qmp_snapshot_delete(const SnapshotDeleteArgs *args, Error **errp)
{
    return start(JOB_TYPE_SNAPSHOT_DELETE, args->job_id, args->tag, NULL, args->devices, errp);
}

bool qmp_job_dismiss(const JobDismissArgs *args, Error **errp)
{
    Job *job = job_find(args->id);

    if (!job) {
        error_set(errp, ERROR_CLASS_DEVICE_NOT_ACTIVE, "Job not found");
        return false;
    }
    if (job->status != JOB_STATUS_CONCLUDED) {
        error_setg(errp, "Job '%s' in state '%s' cannot accept command verb 'dismiss'", job->id,
                   qapi_enum_name(&qapi_type_JobStatus, job->status));
        return false;
    }
    set_status(job, JOB_STATUS_NULL);
    g_ptr_array_remove(jobs, job);
    return true;
}

bool qmp_query_jobs(JobInfoList **ret, Error **errp)
{
    *ret = g_new0(JobInfoList, 1);
    for (guint i = 0; jobs && i < jobs->len; i++) {
        const Job *job = g_ptr_array_index(jobs, i);
        JobInfo *info = JobInfoList_append(*ret);

        info->id = g_strdup(job->id);
        info->type = job->type;
        info->status = job->status;
        info->current_progress = job->status == JOB_STATUS_CONCLUDED && !job->error;
        info->total_progress = 1;
        info->error = g_strdup(job->error);
    }
    return true;
}
