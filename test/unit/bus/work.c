/*  A job runs beside the loop, and ends in it. */

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

static int wait_and_answer (void *context)
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

static void let_go (void *context)
{
    struct story *story = context;
    (void) sem_post (&story->go);
}

static void begin (struct story *story)
{
    *story = (struct story){.loop = bus_loop_new ()};
    (void) sem_init (&story->go, 0, 0);
    cr_assert_eq (bus_work_start (story->loop, wait_and_answer, on_done, story, &story->work), 0);
}

Test (work, the_loop_goes_on_while_a_job_runs)
{
    struct story story;
    begin (&story);
    /* only the loop lets the job go on: were it to wait for the job, nobody would */
    cr_assert_gt (bus_timer_start (story.loop, 1, let_go, &story), 0);
    cr_assert_eq (bus_loop_run (story.loop), 0);
    cr_expect_eq (story.result, 42);
    cr_expect_eq (story.jobs + story.dones, 2);
    cr_expect (pthread_equal (story.done_thread, pthread_self ()));
    cr_expect_not (pthread_equal (story.job_thread, pthread_self ()));
    (void) bus_loop_free (story.loop);
}

Test (work, freeing_waits_for_the_job_and_tells_nobody)
{
    struct story story;
    begin (&story);
    let_go (&story);
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
