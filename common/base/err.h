/* common/base/err.h — statuses and error text: what went wrong, for the caller and for people.
 * SPDX-License-Identifier: Apache-2.0
 *
 * Every fallible function returns enum hm_status and takes struct hm_err *err last. The status is
 * an action for the caller; the text says to a person what happened, where, and what to do.
 * Outputs are written only on HM_OK. err may be NULL where the caller does not want the text.
 * Threads: a struct hm_err belongs to one thread; the functions keep no state. */
#pragma once

#include <stdarg.h>
#include <stddef.h>

#if defined(__MINGW32__) /* its "printf" is the one of an old Microsoft library */
#define HM_MUST_CHECK __attribute__((warn_unused_result))
#define HM_PRINTF(fmt_at, args_at) __attribute__((format(gnu_printf, fmt_at, args_at)))
#elif defined(__GNUC__)
#define HM_MUST_CHECK __attribute__((warn_unused_result))
#define HM_PRINTF(fmt_at, args_at) __attribute__((format(printf, fmt_at, args_at)))
#else
#define HM_MUST_CHECK
#define HM_PRINTF(fmt_at, args_at)
#endif

#define HM_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* X-macro: one row a status; the name is what logs and JSON show. */
#define HM_STATUS_LIST(X)                                                                          \
    X(HM_OK, "ok")                                                                                 \
    X(HM_ENOMEM, "out_of_memory")                                                                  \
    X(HM_EINVAL, "invalid")           /* the caller's data is wrong: fix it, then resend */        \
    X(HM_EDENIED, "denied")           /* the caller may not */                                     \
    X(HM_ENOENT, "not_found")         /* no such thing */                                          \
    X(HM_ECONFLICT, "conflict")       /* it exists already, or changed under us */                 \
    X(HM_ETOOBIG, "too_big")          /* over a cap of limits.h */                                 \
    X(HM_EBUSY, "busy")               /* transient: the same call may work later */                \
    X(HM_EIO, "io_error")             /* disk, network or database */                              \
    X(HM_EUNSUPPORTED, "unsupported") /* not on this platform */

enum hm_status {
#define HM_STATUS_ENUM(id, name) id,
    HM_STATUS_LIST(HM_STATUS_ENUM)
#undef HM_STATUS_ENUM
};

#define HM_ERR_TEXT_MAX 512

struct hm_err {
    enum hm_status status;
    unsigned line; /* 1-based line of the text being read; 0 where lines mean nothing */
    char code[48]; /* stable machine code, "" = the status's name; see hm_err_code */
    char text[HM_ERR_TEXT_MAX];
};

/* Fills err (if not NULL), clears line and code, and returns status, so that
 * "return hm_fail(err, HM_EINVAL, ...)" reads as one step. Text over the cap is cut; characters
 * that nobody sees, which foreign text may hold, are written out (hm_str_show). */
enum hm_status hm_fail(struct hm_err *err, enum hm_status status, const char *fmt, ...)
    HM_PRINTF(3, 4);

/* As hm_fail, with the 1-based line of the input that is at fault. */
enum hm_status hm_fail_line(struct hm_err *err, enum hm_status status, unsigned line,
                            const char *fmt, ...) HM_PRINTF(4, 5);

/* As hm_fail, with a stable machine code for problem documents ("expired_token"). */
enum hm_status hm_fail_code(struct hm_err *err, enum hm_status status, const char *code,
                            const char *fmt, ...) HM_PRINTF(4, 5);

#if defined(__clang_analyzer__) /* it reads one file at a time: tell it that a failure is one */
#define hm_fail(err, status, ...) ((void)(hm_fail)((err), (status), __VA_ARGS__), (status))
#define hm_fail_line(err, status, line, ...)                                                       \
    ((void)(hm_fail_line)((err), (status), (line), __VA_ARGS__), (status))
#define hm_fail_code(err, status, code, ...)                                                       \
    ((void)(hm_fail_code)((err), (status), (code), __VA_ARGS__), (status))
#endif

/* Puts "prefix: " before the text of a filled err; keeps status, line and code. */
void hm_err_prefix(struct hm_err *err, const char *fmt, ...) HM_PRINTF(2, 3);

/* The code, or the status's name where no code was given. */
const char *hm_err_code(const struct hm_err *err);

/* "ok", "invalid", … ; never NULL. */
const char *hm_status_name(enum hm_status status);
