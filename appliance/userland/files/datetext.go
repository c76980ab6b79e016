package files

import (
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// parseDate reads a time as date -d and touch -d take it. What the text does not say is that of base.
func parseDate(text string, base moment, in *time.Location) (time.Time, error) {
	for _, format := range []string{
		"%R", "%T", "%m.%d-%R", "%m.%d-%T", "%Y.%m.%d-%R", "%Y.%m.%d-%T", "%b %d %T %Y", "%Y-%m-%d %R",
		"%Y-%m-%d %T", "%Y-%m-%d %R %z", "%Y-%m-%d %T %z", "%Y-%m-%d %H", "%Y-%m-%d",
	} {
		m := base
		if rest, ok := m.strptime(text, format); ok && rest == "" {
			return m.time(in), nil
		}
	}
	if seconds, ok := strings.CutPrefix(text, "@"); ok {
		n, err := strconv.ParseInt(seconds, 10, 64)
		if err != nil {
			return time.Time{}, invalidDate(text)
		}
		return time.Unix(n, 0).In(in), nil
	}
	m, ok := stamp(text, base)
	if !ok {
		return time.Time{}, invalidDate(text)
	}
	return m.time(in), nil
}

func invalidDate(text string) error { return command.Invalid("date", text) }

// stamp reads [[[[[YY]YY]MM]DD]hh]mm[.ss].
func stamp(text string, base moment) (m moment, ok bool) {
	digits, seconds, dot := strings.Cut(text, ".")
	if strings.Trim(digits+seconds, "0123456789") != "" || len(digits)%2 != 0 || len(digits) < 2 ||
		len(digits) > 12 ||
		dot && seconds == "" || len(seconds) > 9 {
		return base, false
	}
	m = base
	m.second, _ = strconv.Atoi("0" + seconds)
	parts := []*int{&m.minute, &m.hour, &m.day, &m.month}
	rest := digits
	for _, part := range parts {
		if rest != "" {
			*part, _ = strconv.Atoi(rest[len(rest)-2:])
			rest = rest[:len(rest)-2]
		}
	}
	switch year, _ := strconv.Atoi("0" + rest); len(rest) {
	case 4:
		m.year = year
	case 2:
		m.year = nearYear(year, base.year)
	}
	return m, m.second <= 60 && m.minute <= 59 && m.hour <= 23 && m.day <= 31 && m.month <= 12
}

// nearYear is the year of two digits that is less than 50 years away.
func nearYear(year, now int) int {
	year += now / 100 * 100
	if year < now-50 {
		year += 100
	}
	if year > now+50 {
		year -= 100
	}
	return year
}
