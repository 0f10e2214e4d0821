#include "core/store/records/alarm.h"

#include "core/base/clock.h"
#include "core/store/records/event.h"
#include "core/store/records/setting.h"

#include <string.h>

#define ALARMS_MAX 256 /* shown at once */
#define DETAIL_MAX 512

static const struct field fields[] = {
    FIELD(1, struct alarm, problem, "problem", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .help = "What kind of problem it is."),
    FIELD(2, struct alarm, about, "about", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .help = "What it is about: the name of a manufacturer or CA."),
    FIELD(3, struct alarm, detail, "detail", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .help = "Particulars."),
    FIELD(4, struct alarm, since, "since", FIELD_TIME, .flags = FIELD_READ_ONLY,
          .help = "Since when it is so."),
    FIELD(5, struct alarm, hint, "hint", FIELD_TEXT, .flags = FIELD_READ_ONLY,
          .help = "What can be done about it."),
};
const struct record_type alarm_type = RECORD_TYPE("alarm", 1, struct alarm, fields);

/* Kept with the settings: the time as the number, the detail as the text. */
static const char *setting_name(struct task *t, const struct problem_kind *problem,
                                const char *about)
{
    return arena_printf(t->arena, SETTING_ALARM "%s/%.*s", problem->name, ALARM_ABOUT_MAX, about);
}

bool alarm_raise(struct task *t, struct tx *tx, const struct problem_kind *problem,
                 const char *about, const char *detail)
{
    struct setting setting;
    bool found;
    const char *name = setting_name(t, problem, about);
    const char *text = event_foreign_text(t->arena, bytes_of_text(detail), DETAIL_MAX);
    TRY(table_find(t, tx_reader(tx), &settings, bytes_of_text(name), &setting, &found));
    if (found && setting.text != NULL && strcmp(setting.text, text) == 0)
        return true;
    if (!found) {
        record_init(t, &setting_type, &setting);
        setting.name = name;
        setting.number = (uint64_t)clock_wall();
    }
    setting.text = text;
    return table_put(t, tx, &settings, &setting);
}

bool alarm_clear(struct task *t, struct tx *tx, const struct problem_kind *problem,
                 const char *about)
{
    struct setting setting;
    bool found;
    struct bytes key = bytes_of_text(setting_name(t, problem, about));
    TRY(table_find(t, tx_reader(tx), &settings, key, &setting, &found));
    return !found || table_delete(t, tx, &settings, key);
}

static struct alarm alarm_of(struct task *t, const struct setting *setting)
{
    const char *problem = setting->name + strlen(SETTING_ALARM);
    size_t len = strcspn(problem, "/");
    return (struct alarm){
        .problem = arena_strndup(t->arena, problem, len),
        .about = problem[len] == '/' ? problem + len + 1 : "",
        .detail = setting->text,
        .since = (int64_t)setting->number,
    };
}

bool alarms_read(struct task *t, struct view *view, struct alarm **ret, size_t *ret_count)
{
    struct table_scan scan = table_scan(t, view, &settings, BYTES_LITERAL(SETTING_ALARM));
    struct alarm *list = arena_array(t->arena, ALARMS_MAX, sizeof(*list));
    size_t count = 0;
    while (count < ALARMS_MAX) {
        struct setting setting;
        bool found;
        TRY(table_scan_next(t, &scan, &setting, &found));
        if (!found || strncmp(setting.name, SETTING_ALARM, strlen(SETTING_ALARM)) != 0)
            break;
        list[count++] = alarm_of(t, &setting);
    }
    *ret = list;
    *ret_count = count;
    return true;
}
