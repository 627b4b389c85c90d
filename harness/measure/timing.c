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

static long long on_processor(void) {
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1000000000LL + t.tv_nsec;
}

/* One sample: `calls` calls. out: nanoseconds, involuntary context switches of this thread and of
 * all others, page faults (minor, major), processor before, processor after, nanoseconds in which
 * this thread had no processor. Returns what an adapter returned, 0 for success. */
int polydl_sample(int kind, void *function, void *argument, long calls, long long *out) {
    struct rusage before, after, own_before, own_after;
    int status = 0;
    getrusage(RUSAGE_SELF, &before);
    getrusage(RUSAGE_THREAD, &own_before);
    out[5] = sched_getcpu();
    const long long had = on_processor(), start = now();
    if (kind == 0) {
        const kernel_function call = (kernel_function)function;
        for (long i = 0; i < calls; ++i) call(argument);
    } else {
        const adapter_function call = (adapter_function)function;
        for (long i = 0; i < calls; ++i) status |= call(argument);
    }
    out[0] = now() - start;
    out[7] = out[0] - (on_processor() - had);
    out[6] = sched_getcpu();
    getrusage(RUSAGE_THREAD, &own_after);
    getrusage(RUSAGE_SELF, &after);
    out[1] = own_after.ru_nivcsw - own_before.ru_nivcsw;
    out[2] = after.ru_nivcsw - before.ru_nivcsw - out[1];
    out[3] = after.ru_minflt - before.ru_minflt;
    out[4] = after.ru_majflt - before.ru_majflt;
    return status;
}

/* void polydl_call(void *function, void *argument, const float *number)
 *
 * One call of a kernel on this thread, which finds `number` in every lane of every vector register
 * that is not its caller's: one that reads a register before it sets it is wrong, rather than lucky
 * because other code has left 0 there. In assembly, for compilers empty the upper lanes before they
 * call anything. */
#define FILL_16(fill) \
    fill(0) fill(1) fill(2) fill(3) fill(4) fill(5) fill(6) fill(7) \
    fill(8) fill(9) fill(10) fill(11) fill(12) fill(13) fill(14) fill(15)
#define FILL_16_MORE(fill) \
    fill(16) fill(17) fill(18) fill(19) fill(20) fill(21) fill(22) fill(23) \
    fill(24) fill(25) fill(26) fill(27) fill(28) fill(29) fill(30) fill(31)
#if defined(__AVX512F__)
#define FILL(n) "vbroadcastss (%rdx), %zmm" #n "\n"
#define FILLED FILL_16(FILL) FILL_16_MORE(FILL)
#elif defined(__AVX__)
#define FILL(n) "vbroadcastss (%rdx), %ymm" #n "\n"
#define FILLED FILL_16(FILL)
#elif defined(__x86_64__)
#define FILL(n) "movss (%rdx), %xmm" #n "\nshufps $0, %xmm" #n ", %xmm" #n "\n"
#define FILLED FILL_16(FILL)
#elif defined(__aarch64__)
#define FILL(n) "ld1r {v" #n ".4s}, [x2]\n"
#define FILLED \
    FILL(0) FILL(1) FILL(2) FILL(3) FILL(4) FILL(5) FILL(6) FILL(7) FILL_16_MORE(FILL)
#endif
#if defined(__x86_64__)
#define JUMP "movq %rdi, %rax\nmovq %rsi, %rdi\njmp *%rax\n"
#elif defined(__aarch64__)
#define JUMP "mov x9, x0\nmov x0, x1\nbr x9\n"
#endif
#if defined(JUMP)
__asm__(".text\n.globl polydl_call\n.type polydl_call, %function\npolydl_call:\n" FILLED JUMP
        ".size polydl_call, .-polydl_call\n");
#else
void polydl_call(void *function, void *argument, const float *number) {
    (void)number;
    ((kernel_function)function)(argument);
}
#endif

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
