package admin

import (
	"fmt"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/admin/cli"
	"github.com/gatehouse-os/gatehouse/appliance/watchdog"
)

// watchdogLine says what the watchdog does, for the row of status.
func watchdogLine(w watchdog.Status) string {
	while := strings.Join(w.Services, " and ")
	switch w.State {
	case watchdog.Off:
		return "off, by the kernel's command line"
	case watchdog.Waiting:
		return "waiting for the first answer of " + while
	case watchdog.Absent:
		return "none on this machine"
	case watchdog.Starving:
		return w.Device + " is not fed any more"
	}
	if w.Spared > 0 {
		return fmt.Sprintf("%s, fed for another %s whoever answers", w.Device, cli.Span(w.Spared))
	}
	if len(w.Services) > 1 {
		return fmt.Sprintf("%s, fed while %s answer", w.Device, while)
	}
	return fmt.Sprintf("%s, fed while %s answers", w.Device, while)
}

// watchdogProblems are what a person should know: that the box is to be reset, and that it did not start by
// itself.
func watchdogProblems(w watchdog.Status) []string {
	var all []string
	if w.State == watchdog.Starving {
		all = append(all, fmt.Sprintf("the watchdog resets this box within %s", cli.Span(w.Timeout)))
	}
	if w.LastReset != "" {
		all = append(all, "the watchdog has reset this box: "+w.LastReset)
	}
	return all
}
