/* SPDX-License-Identifier: MPL-2.0 */
/*  test/unit/bus/work.c - a job runs on its own thread and is reported done in the loop */

#include <criterion/criterion.h>
#include <pthread.h>
#include <semaphore.h>

#include "bus/work.h"

struct story {
    struct bus_loop *loop;
    struct bus_work *work;
    sem_t go;
    pthread_t job_thread, done_thread;
    unsigned jobs, dones;
    int result;
};

static int job_run (void *context)
{
    struct story *story = context;
    (void) sem_wait (&story->go);
    story->job_thread = pthread_self ();
    story->jobs++;
    return 42;
}

static void on_done (void *context, int result)
{
    struct story *story = context;
    story->done_thread = pthread_self ();
    story->dones++;
    story->result = result;
    story->work = bus_work_free (story->work);
    bus_loop_stop (story->loop);
}

static void job_release (void *context)
{
    struct story *story = context;
    (void) sem_post (&story->go);
}

static void story_begin (struct story *story)
{
    *story = (struct story){.loop = bus_loop_new ()};
    (void) sem_init (&story->go, 0, 0);
    cr_assert_eq (bus_work_start (story->loop, job_run, on_done, story, &story->work), 0);
}

Test (work, the_loop_runs_while_a_job_runs)
{
    struct story story;
    story_begin (&story);
    /* The timer releases the job. If the loop waited for the job, the test would never end. */
    cr_assert_gt (bus_timer_start (story.loop, 1, job_release, &story), 0);
    cr_assert_eq (bus_loop_run (story.loop), 0);
    cr_expect_eq (story.result, 42);
    cr_expect_eq (story.jobs + story.dones, 2);
    cr_expect (pthread_equal (story.done_thread, pthread_self ()));
    cr_expect_not (pthread_equal (story.job_thread, pthread_self ()));
    (void) bus_loop_free (story.loop);
}

Test (work, freeing_waits_for_the_job_and_does_not_call_done)
{
    struct story story;
    story_begin (&story);
    job_release (&story);
    story.work = bus_work_free (story.work);
    cr_expect_eq (story.jobs, 1);
    cr_assert_gt (bus_timer_start (story.loop, 1, (bus_handler *) bus_loop_stop, story.loop), 0);
    cr_assert_eq (bus_loop_run (story.loop), 0);
    cr_expect_eq (story.dones, 0);
    (void) bus_loop_free (story.loop);
}

Test (work, freeing_nothing_does_nothing)
{
    cr_expect_null (bus_work_free (NULL));
}
