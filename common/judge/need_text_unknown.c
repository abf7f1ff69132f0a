/* common/judge/need_text_unknown.c — the sentence of a verdict that nobody knows.
 * SPDX-License-Identifier: Apache-2.0 */
#include "common/judge/need_text.h"

#include "common/judge/need_served.h"
#include "common/judge/port_errors.h"
#include "common/judge/service_events.h"

static void write_unexplained(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_service *failed = topic->need->unexplained;
    struct hm_port_failure failure = {.error = NULL};

    (void)hm_port_failure_of(topic->facts, failed, &failure);
    hm_line_put(line, " free as far as it is seen, but ");
    if (failure.event == NULL || failure.error != NULL) {
        hm_line_put(line, failed->name);
        hm_line_put(line, failure.event == NULL ? " ended with error "
                                                : ", by the system's log, ended with error ");
        hm_line_put_u32(line, failure.code);
        hm_line_put(line, " (");
        hm_line_put(line, failure.error->says);
        hm_line_put(line, ")");
    } else {
        hm_line_put(line, "the log of ");
        hm_line_put(line, failed->name);
        hm_line_put(line, ", which is down, says that ");
        hm_line_put(line, hm_service_event_find(failure.event->provider, failure.event->id)->says);
    }
    hm_line_put(line, ": whether the cause is gone is not known.");
}

static void write_unserved(const struct hm_need *need, struct hm_line *line)
{
    const struct hm_event_count *event = need->unserved;

    hm_line_put(line, " not served");
    if (need->served_on[0] == '\0') {
        hm_line_put(line, ": nobody is seen there");
    } else {
        hm_line_put(line, need->missed_on[0] != '\0' ? " on " : " to other hosts");
        hm_line_put(line, need->missed_on);
        hm_line_put(line, ": its product is seen on ");
        hm_line_put(line, need->served_on);
        hm_line_put(line, " only");
    }
    hm_line_put(line, ", and since the boot ");
    hm_line_put(line, event->provider);
    hm_line_put(line, " ");
    hm_line_put_u32(line, event->id);
    hm_line_put(line, " says that ");
    hm_line_put(line, hm_service_event_find(event->provider, event->id)->says);
    hm_line_put(line, ". Whether the cause is gone is not known.");
}

bool hm_topic_only_lingers(const struct hm_topic *topic)
{
    const struct hm_need *need = topic->need;
    const struct hm_stack_facts *stack = topic->stack;

    return need->may_linger && need->verdict.reason == HM_REASON_FACTS_MISSING &&
           need->verdict.state == HM_UNKNOWN && need->unexplained == NULL &&
           need->unserved == NULL && !need->nameless_owner && stack->has_dynamic &&
           stack->has_administered && stack->has_runtime;
}

void hm_topic_put_unknown(const struct hm_topic *topic, struct hm_line *line)
{
    const struct hm_stack_facts *stack = topic->stack;
    const struct hm_service *failed = topic->need->unexplained;
    const char *not_read = topic->facts->linux_host
                               ? "the list of reserved ports (ip_local_reserved_ports)"
                               : "the exclusions";

    if (topic->need->requirement->port_doubt != NULL || topic->need->unread_port ||
        topic->need->clash != NULL || topic->need->unsure) {
        hm_need_put_unknown_port(topic->need, topic->main.count > 0, line);
        return;
    }
    if (topic->need->unset.service != NULL) {
        hm_need_put_unset(topic->need, line);
        return;
    }
    if (hm_topic_only_lingers(topic)) {
        hm_need_put_lingering(topic->need, line);
        return;
    }
    hm_line_put(line, hm_topic_is_many(topic->main) ? " are" : " is");
    if (failed != NULL) {
        write_unexplained(topic, line);
        return;
    }
    if (topic->need->unserved != NULL) {
        write_unserved(topic->need, line);
        return;
    }
    hm_line_put(line, " neither known to be safe nor at risk: ");
    if (!stack->has_dynamic && stack->has_most) {
        hm_line_put(line, stack->contradicted
                              ? "sockets of this host contradict the dynamic range that it reports"
                              : "which dynamic range is in force is not known");
        hm_topic_put_families(topic, line);
        hm_line_put(line, ".");
        return;
    }
    hm_line_put(line, !stack->has_dynamic                               ? "the dynamic range"
                      : !stack->has_administered || !stack->has_runtime ? not_read
                      : topic->need->unread_unit && topic->need->nameless_owner
                          ? "for which socket unit systemd listens on it"
                      : topic->need->nameless_owner ? "who has it"
                                                    : "the listeners");
    hm_topic_put_families(topic, line);
    hm_line_put(line, " could not be read.");
}
