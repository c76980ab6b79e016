package files

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/zone"
)

// A calendar is cal: of the Julian calendar until 2 September 1752, of the Gregorian one from the 14th on.
type calendar struct {
	dayOfYear bool // -j
	first     int  // day of the week that weeks begin with
}

const (
	reformYear, reformMonth   = 1752, 9
	lastJulian, missing       = 2, 11
	weeksOfMonth, daysOfMonth = 6, 42
)

func cal(c *command.Call) {
	k := calendar{dayOfYear: c.Has('j')}
	if c.Has('m') {
		k.first = 1
	}
	if !operands(c, 0, 2) {
		return
	}
	now := time.Now().In(zone.Local())
	year, month := now.Year(), int(now.Month())
	if c.Has('y') || len(c.Args) == 1 {
		month = 0
	}
	if len(c.Args) == 2 && !c.Has('y') {
		n, err := strconv.ParseUint(c.Args[0], 10, 8)
		if err != nil || n < 1 || n > 12 {
			c.Fail(fmt.Errorf("%s: expected a month, 1 to 12", c.Args[0]))
			return
		}
		month = int(n)
	}
	if len(c.Args) > 0 {
		text := c.Args[len(c.Args)-1]
		n, err := strconv.ParseUint(text, 10, 16)
		if err != nil || n < 1 || n > 9999 {
			c.Fail(fmt.Errorf("%s: expected a year, 1 to 9999", text))
			return
		}
		year = int(n)
	}
	if month != 0 {
		title := fmt.Sprintf("%s %d", time.Month(month), year)
		c.Stdout.WriteString(strings.Repeat(" ", (k.width()-len(title))/2) + title + "\n" + k.heading() + "\n")
		for _, row := range k.rows(year, month) {
			c.Stdout.WriteString(trimmed(row, len(row)+1) + "\n")
		}
		return
	}
	c.Stdout.WriteString(k.year(year))
}

// width is that of a week.
func (k calendar) width() int { return len(k.heading()) }

func (k calendar) heading() string {
	var days []string
	for i := range 7 {
		name := time.Weekday((i + k.first) % 7).String()[:2]
		if k.dayOfYear {
			name = " " + name
		}
		days = append(days, name)
	}
	return strings.Join(days, " ")
}

// year is a whole one, three months side by side, or two with -j.
func (k calendar) year(year int) string {
	const gap = "  "
	beside := 3
	if k.dayOfYear {
		beside = 2
	}
	var b strings.Builder
	b.WriteString(centred(strconv.Itoa(year), k.width()*beside+len(gap)*(beside-1)) + "\n\n")
	for first := 1; first <= 12; first += beside {
		var titles, headings []string
		var rows [weeksOfMonth][]string
		for month := first; month < first+beside; month++ {
			titles, headings = append(titles, centred(time.Month(month).String(), k.width())),
				append(headings, k.heading())
			for i, row := range k.rows(year, month) {
				rows[i] = append(rows[i], row)
			}
		}
		b.WriteString(strings.Join(titles, gap) + "\n" + strings.Join(headings, gap) + "\n")
		for _, row := range rows {
			const blankYear = 79
			b.WriteString(trimmed(strings.Join(row, gap), blankYear) + "\n")
		}
	}
	return b.String()
}

// trimmed is a row without blanks at its end; one with nothing else has blanks, as busybox's.
func trimmed(row string, blanks int) string {
	if row = strings.TrimRight(row, " "); row == "" {
		return strings.Repeat(" ", blanks)
	}
	return row
}

func centred(text string, width int) string {
	left := (width - len(text)) / 2
	return strings.Repeat(" ", left) + text + strings.Repeat(" ", width-len(text)-left)
}

// rows are the weeks of a month, as wide as the heading.
func (k calendar) rows(year, month int) []string {
	var rows []string
	digits := 2
	if k.dayOfYear {
		digits = 3
	}
	for week := range slices.Chunk(k.days(year, month), 7) {
		var cells []string
		for _, day := range week {
			cell := strings.Repeat(" ", digits)
			if day != 0 {
				cell = fmt.Sprintf("%*d", digits, day)
			}
			cells = append(cells, cell)
		}
		rows = append(rows, strings.Join(cells, " "))
	}
	return rows
}

// days are the six weeks of a month, 0 where there is no day.
func (k calendar) days(year, month int) []int {
	days := make([]int, daysOfMonth)
	before := 0 // days of the year before the month
	for m := 1; m < month; m++ {
		before += monthLength(year, m)
	}
	at := (weekday(year, before) - k.first + 7) % 7
	for day := 1; day <= monthLength(year, month); day++ {
		if year == reformYear && month == reformMonth && day > lastJulian && day <= lastJulian+missing {
			continue
		}
		days[at] = day
		if k.dayOfYear {
			days[at] += before
		}
		at++
	}
	return days
}

func leap(year int) bool {
	return year%4 == 0 && (year <= reformYear || year%100 != 0 || year%400 == 0)
}

func monthLength(year, month int) int {
	switch {
	case month == 2 && leap(year):
		return 29
	case month == 2:
		return 28
	case month == 4 || month == 6 || month == 9 || month == 11:
		return 30
	}
	return 31
}

// weekday is that of a day of a year, the first of which is 0. 1 January of the year 1 was a Saturday.
func weekday(year, day int) int {
	for y := 1; y < year; y++ {
		day += 365
		if leap(y) {
			day++
		}
	}
	const reform = 639_798 // 3 September 1752
	if day >= reform {
		day -= missing
	}
	return (day + int(time.Saturday)) % 7
}
