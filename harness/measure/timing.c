/* Inside the measuring child: time calls, count what disturbed them, empty caches, name faults. */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

typedef void (*kernel_function)(void *);
typedef int (*adapter_function)(void *);

static long long now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC_RAW, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* One sample: `calls` calls. out: nanoseconds, involuntary context switches, page faults (minor,
 * major), processor before, processor after. Returns what an adapter returned, 0 for success. */
int polydl_sample(int kind, void *function, void *argument, long calls, long long *out) {
    struct rusage before, after;
    int status = 0;
    getrusage(RUSAGE_SELF, &before);
    out[4] = sched_getcpu();
    const long long start = now();
    if (kind == 0) {
        const kernel_function call = (kernel_function)function;
        for (long i = 0; i < calls; ++i) call(argument);
    } else {
        const adapter_function call = (adapter_function)function;
        for (long i = 0; i < calls; ++i) status |= call(argument);
    }
    out[0] = now() - start;
    out[5] = sched_getcpu();
    getrusage(RUSAGE_SELF, &after);
    out[1] = after.ru_nivcsw - before.ru_nivcsw;
    out[2] = after.ru_minflt - before.ru_minflt;
    out[3] = after.ru_majflt - before.ru_majflt;
    return status;
}

/* Write back and drop every line of a buffer. Returns 0, or 1 where no instruction does it. */
int polydl_evict(const void *start, size_t bytes) {
    const uintptr_t first = (uintptr_t)start & ~(uintptr_t)63, end = (uintptr_t)start + bytes;
#if defined(__x86_64__)
    for (uintptr_t line = first; line < end; line += 64) __builtin_ia32_clflush((void *)line);
    __builtin_ia32_mfence();
    return 0;
#elif defined(__aarch64__)
    for (uintptr_t line = first; line < end; line += 64)
        __asm__ volatile("dc civac, %0" : : "r"(line) : "memory");
    __asm__ volatile("dsb ish" : : : "memory");
    return 0;
#else
    (void)first, (void)end;
    return 1;
#endif
}

enum { WATCHED = 64, NAME = 64 };
static struct {
    char name[NAME];
    uintptr_t start, end, mapped, unmapped;
} watched[WATCHED];
static volatile int watched_count;
static char signal_stack[1 << 16];

static void told(const char *text) {
    if (write(2, text, strlen(text)) < 0) return;
}

/* Says on stderr which buffer's guard page was hit; the default action then ends the process. */
static void fault(int number, siginfo_t *info, void *context) {
    (void)number, (void)context;
    const uintptr_t at = (uintptr_t)info->si_addr;
    for (int i = 0; i < watched_count; ++i) {
        if (at < watched[i].mapped || at >= watched[i].unmapped) continue;
        told("fault: ");
        told(at >= watched[i].end ? "past the end of '" : "before the start of '");
        told(watched[i].name);
        told("'\n");
        return;
    }
}

void polydl_watch(const char *name, uintptr_t start, uintptr_t end, uintptr_t mapped,
                  uintptr_t unmapped) {
    if (watched_count == WATCHED) return;
    strncpy(watched[watched_count].name, name, NAME - 1);
    watched[watched_count].start = start;
    watched[watched_count].end = end;
    watched[watched_count].mapped = mapped;
    watched[watched_count].unmapped = unmapped;
    ++watched_count;
}

void polydl_watch_none(void) { watched_count = 0; }

void polydl_watch_faults(void) {
    const stack_t stack = {.ss_sp = signal_stack, .ss_size = sizeof signal_stack};
    struct sigaction action = {.sa_sigaction = fault,
                               .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_RESETHAND};
    sigaltstack(&stack, NULL);
    sigaction(SIGSEGV, &action, NULL);
    sigaction(SIGBUS, &action, NULL);
}
