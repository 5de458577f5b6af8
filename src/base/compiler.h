/* Compiler attributes. Everything that is not plain C11 is spelled through this header. */
#ifndef ORBIT_BASE_COMPILER_H
#define ORBIT_BASE_COMPILER_H

#define MUST_USE                        __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt_arg, first_arg) __attribute__((format(printf, fmt_arg, first_arg)))
#define NORETURN                        __attribute__((noreturn))
#define COLD                            __attribute__((cold))
#define EXPORTED                        __attribute__((visibility("default"))) /* seen by shared libraries */
#define UNUSED                          __attribute__((unused))
#define TARGET(isa)                     __attribute__((target(isa)))
#define ALWAYS_INLINE                   static inline __attribute__((always_inline))
#define LIKELY(x)                       __builtin_expect(!!(x), 1)
#define UNLIKELY(x)                     __builtin_expect(!!(x), 0)
#define PREFETCH(p)                     __builtin_prefetch(p)
#define COUNT_OF(a)                     (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

#endif
