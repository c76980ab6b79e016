package system

import (
	"fmt"
	"io/fs"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
	"github.com/gatehouse-os/gatehouse/internal/printable"
)

// A session is somebody at a terminal. There is no utmp(5): whoever leads a session that has a terminal is
// here, since it began; ssh says in its environment where from.
type session struct {
	user, terminal, host string
	since                time.Time
}

// sessions are all, in the order of their processes.
func sessions() ([]session, error) {
	all, err := processes(false)
	if err != nil {
		return nil, err
	}
	up, err := proc.Uptime(procFS())
	if err != nil {
		return nil, err
	}
	return sessionsOf(procFS(), all, time.Now().Add(-up), userNames()), nil
}

func sessionsOf(fsys fs.FS, all []*proc.Process, boot time.Time, user func(int) string) (found []session) {
	for _, p := range all {
		if p.Session != p.ID || p.Terminal == 0 {
			continue
		}
		s := session{user: user(p.RealUID), terminal: p.Terminal.Terminal(), since: boot.Add(p.Started)}
		for _, entry := range proc.Environment(fsys, p.ID) {
			name, value, _ := strings.Cut(entry, "=")
			switch name {
			case "SSH_CLIENT":
				s.host, _, _ = strings.Cut(value, " ")
			case "LOGNAME": // accounts may share a number
				if value != "" {
					s.user = value
				}
			}
		}
		found = append(found, s)
	}
	return found
}

// who prints who is here, with headers where it is called w.
func who(c *command.Call) {
	if len(c.Args) > 0 {
		c.Misused("unexpected operand")
		return
	}
	all, err := sessions()
	if err != nil {
		c.Fail(err)
		return
	}
	if c.Name == "w" || c.Has('H') {
		c.Stdout.WriteString("USER\t\tTTY\t\tIDLE\tTIME\t\t HOST\n")
	}
	for _, s := range all {
		row := fmt.Sprintf("%-15s %-15s %-7s %-16s %s", clean(s.user), s.terminal,
			idle(s.terminal, time.Now()), s.since.Format("Jan _2 15:04:05"), printable.Cut(s.host, 64))
		c.Stdout.WriteString(row + "\n")
	}
}

// idle is how long nothing was typed at a terminal: the kernel keeps the time in its file.
func idle(terminal string, now time.Time) string {
	var st unix.Stat_t
	if err := unix.Stat("/dev/"+terminal, &st); err != nil {
		return "?"
	}
	d := now.Sub(time.Unix(int64(st.Atim.Sec), 0))
	if d < 0 || d >= 24*time.Hour {
		return "old"
	}
	return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60)
}
