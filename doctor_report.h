/*
 * The lines of the report, between doctor.c and doctor_host.c.
 */
#ifndef DOCTOR_REPORT_H
#define DOCTOR_REPORT_H

#include "doctor.h"

enum finding {
    FINDING_OK,
    FINDING_NOTE, /* vmm runs, with less than there could be */
    FINDING_FAIL, /* vmm cannot run as asked */
};

struct doctor {
    const struct options *options;
    const struct kvm_sys *sys;
    GString *out;
    bool failed;
};

/* One line of the report: "[ok]   subject      text". */
void doctor_say(struct doctor *doctor, enum finding finding, const char *subject, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* The remedy for the obstacle just named. */
void doctor_remedy(struct doctor *doctor, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* doctor_host.c */
void doctor_display(struct doctor *doctor);
void doctor_firmware(struct doctor *doctor);
void doctor_sound(struct doctor *doctor);
void doctor_network(struct doctor *doctor);
void doctor_limits(struct doctor *doctor);

#endif
