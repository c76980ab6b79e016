package wan

import (
	"fmt"
	"io"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
)

// maxSteps is how many steps are shown, the last ones.
const maxSteps = 20

// print writes the verdict, and below it what led there.
func (x *Explanation) print(w io.Writer) error {
	printFolded(w, x.Verdict+".")
	fmt.Fprintln(w)
	var rows [][]string
	if n := len(x.Chain) - maxSteps; n > 0 {
		rows = append(rows, []string{"", cli.Count(n, "event", "events") + " before"})
	}
	for _, s := range x.Chain[max(0, len(x.Chain)-maxSteps):] {
		rows = append(rows, []string{s.Last.Format(time.DateTime), s.text()})
	}
	cli.Screen(w, rows)
	cli.Screen(w, x.rows())
	if x.IPv6 != nil {
		x.IPv6.print(w, x.report)
	}
	return nil
}

// text is the step in words.
func (s *Step) text() string {
	if s.Times == 1 {
		return s.Text
	}
	return fmt.Sprintf("%s (%d times since %s)", s.Text, s.Times, s.First.Format(time.DateTime))
}

// rows are what was taken, left out, and is being asked for.
func (x *Explanation) rows() (rows [][]string) {
	add := func(label string, lines ...string) {
		for _, line := range lines {
			rows = append(rows, []string{label, line})
			label = ""
		}
	}
	if r := x.report; x.Facts != nil {
		add("address", r.addressLines()...)
		if x.Facts.Gateway.IsValid() {
			lines := []string{x.Facts.Gateway.String()}
			if x.Facts.OffLink {
				lines = append(lines, offLinkText)
			}
			add("gateway", lines...)
		}
		rows = append(rows, r.factRows()...)
		rows = append(rows, r.cardRows()...)
		if r.Service != nil {
			rows = append(rows, r.leaseRows()[1:]...)
		}
	}
	label := "left out"
	for _, m := range x.LeftOut {
		add(label, m.Text)
		label = ""
	}
	add("now", x.Asking...)
	return rows
}
