// Package syslog is what syslog(3) sends to /dev/log, as text: priorities and their names, and messages (RFC
// 3164 as the C library has it, without the host's name). Sockets, and what becomes of a message, are
// others'.
package syslog

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// Notice is the priority of a message of which nothing else is known: user.notice.
const Notice = user<<3 | 5

// user is the facility of programs; levels are the three bits below it.
const user = 1

func levels() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

// facilities are by their numbers; those without a name are nobody's.
func facilities() []string {
	return []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}

// Level is the number of a level, from emerg (0) to debug (7), by a name of it or by itself.
func Level(name string) (int, error) {
	name = strings.ToLower(name)
	switch name {
	case "warn":
		name = "warning"
	case "error":
		name = "err"
	case "panic":
		name = "emerg"
	}
	if i := slices.Index(levels(), name); i >= 0 {
		return i, nil
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(levels()) {
		return n, nil
	}
	return 0, fmt.Errorf("unknown level %q: expected one of %s", name, strings.Join(levels(), " "))
}

// Priority is facility and level of FACILITY.LEVEL, or of LEVEL with facility user.
func Priority(text string) (int, error) {
	facility, level, both := strings.Cut(strings.ToLower(text), ".")
	number := user
	if !both {
		level = facility
	} else {
		if facility == "security" {
			facility = "auth"
		}
		if number = slices.Index(facilities(), facility); number < 0 || facility == "" {
			known := strings.Fields(strings.Join(facilities(), " "))
			return 0, fmt.Errorf("unknown facility %q: expected one of %s", facility, strings.Join(known, " "))
		}
	}
	n, err := Level(level)
	return number<<3 | n, err
}

// Name is that of a priority: daemon.err.
func Name(priority int) string {
	facility := strconv.Itoa(priority >> 3)
	if all := facilities(); priority>>3 < len(all) && all[priority>>3] != "" {
		facility = all[priority>>3]
	}
	return facility + "." + levels()[priority&7]
}
