package machine

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// levelNames are those of syslog(3), by their numbers.
func levelNames() []string {
	return []string{"emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"}
}

// facilityNames are those of syslog(3), by their numbers; "" has no name.
func facilityNames() []string {
	return []string{
		"kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "authpriv", "ftp",
		"", "", "", "", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
	}
}

// level is the number of a level by a name of it, or by itself.
func level(name string) (int, error) {
	name = strings.ToLower(name)
	switch name {
	case "warn":
		name = "warning"
	case "error":
		name = "err"
	case "panic":
		name = "emerg"
	}
	if i := slices.Index(levelNames(), name); i >= 0 {
		return i, nil
	}
	if n, err := strconv.Atoi(name); err == nil && n >= 0 && n < len(levelNames()) {
		return n, nil
	}
	return 0, fmt.Errorf("unknown level %q: expected one of %s", name, strings.Join(levelNames(), " "))
}

// levelSet are several, separated by commas.
func levelSet(list string) (map[int]bool, error) {
	set := map[int]bool{}
	for name := range strings.SplitSeq(list, ",") {
		n, err := level(name)
		if err != nil {
			return nil, err
		}
		set[n] = true
	}
	return set, nil
}

// priority is a number of syslog(3): FACILITY.LEVEL, or LEVEL of facility user.
func priority(text string) (int, error) {
	name, rest, both := strings.Cut(strings.ToLower(text), ".")
	facility := 1
	if !both {
		rest = name
	} else {
		if name == "security" {
			name = "auth"
		}
		if facility = slices.Index(facilityNames(), name); facility < 0 || name == "" {
			return 0, fmt.Errorf("unknown facility %q: expected one of %s", name, strings.Join(strings.Fields(strings.Join(facilityNames(), " ")), " "))
		}
	}
	n, err := level(rest)
	return facility<<3 | n, err
}
