package show

import (
	"fmt"
	"time"
)

// A Clock writes when a packet was seen. Style is how many -t were given: none, the time of the day; 1,
// nothing; 2, seconds since 1970; 3, since the packet before; 4, with the date; 5, since the first.
type Clock struct {
	Style int

	last time.Time
	seen bool
}

// Text is the time with a space behind it.
func (c *Clock) Text(t time.Time) string {
	before := c.last
	if !c.seen {
		before = t
	}
	if !c.seen || c.Style != 5 {
		c.last, c.seen = t, true
	}
	switch c.Style {
	case 1:
		return ""
	case 2:
		return fmt.Sprintf("%d.%06d ", t.Unix(), t.Nanosecond()/1000)
	case 3, 5:
		d, sign := t.Sub(before), " "
		if d < 0 {
			d, sign = -d, "-"
		}
		return fmt.Sprintf("%s%02d:%02d:%02d.%06d ", sign, int(d.Hours()), int(d.Minutes())%60,
			int(d.Seconds())%60, d.Microseconds()%1e6)
	case 4:
		return t.Format("2006-01-02 15:04:05.000000 ")
	}
	return t.Format("15:04:05.000000 ")
}
