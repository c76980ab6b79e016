package system

import (
	"fmt"
	"strings"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
)

func telling() map[string]command.Command {
	return map[string]command.Command{
		"free": {
			Usage: "[-bkmgh]", Letters: "bkmgh", Run: free,
			Help: "\t-b -k -m -g\tin octets, KiB, MiB, GiB\n\t-h\tas reads best\n",
		},
		"uptime": {Usage: "[-s]", Help: "\t-s\tsince when\n", Letters: "s", Run: uptime},
		"w":      {Help: "\twho has a terminal here: ssh and the console\n", Run: who},
		"who":    {Usage: "[-H]", Help: "\t-H\ta line of headers\n", Letters: "aH", Run: who},
	}
}

// free prints the memory. What the kernel would give back, it counts as free in the last column.
func free(c *command.Call) {
	if len(c.Args) > 0 {
		c.Misused("unexpected operand")
		return
	}
	m, err := proc.Memory(procFS())
	if err != nil {
		c.Fail(err)
		return
	}
	show := func(octets int) string { return rounded(octets, 1<<10) }
	for _, o := range c.Options {
		switch o.Letter {
		case 'h':
			show = human
		default:
			unit := 1 << (10 * strings.IndexByte("bkmg", o.Letter))
			show = func(octets int) string { return rounded(octets, unit) }
		}
	}
	row := func(name string, cells ...int) {
		c.Stdout.WriteString(name)
		for _, n := range cells {
			c.Stdout.WriteString(pad(show(n), 12))
		}
		c.Stdout.WriteByte('\n')
	}
	cached := m["Cached"] + m["Buffers"] + m["SReclaimable"]
	fmt.Fprintf(c.Stdout, "       %12s%12s%12s%12s%12s%12s\n", "total", "used", "free", "shared",
		"buff/cache", "available")
	row("Mem:   ", m["MemTotal"], m["MemTotal"]-m["MemFree"]-cached, m["MemFree"], m["Shmem"], cached,
		m["MemAvailable"])
	row("Swap:  ", m["SwapTotal"], m["SwapTotal"]-m["SwapFree"], m["SwapFree"])
}

func rounded(octets, unit int) string { return fmt.Sprint((octets + unit/2) / unit) }

// human writes octets with one digit behind the point and a letter.
func human(octets int) string {
	if octets < 1<<10 {
		return fmt.Sprint(octets)
	}
	n, tenths, unit := octets, 0, -1
	for n >= 1<<10 {
		n, tenths, unit = n>>10, (n%(1<<10)*10+1<<9)>>10, unit+1
	}
	return fmt.Sprintf("%d.%d%c", n+tenths/10, tenths%10, "KMGTPE"[unit])
}

// uptime prints since when the machine is up, and how much it has to do.
func uptime(c *command.Call) {
	up, err := proc.Uptime(procFS())
	if err != nil {
		c.Fail(err)
		return
	}
	now := time.Now()
	if c.Has('s') {
		c.Stdout.WriteString(now.Add(-up).Format("2006-01-02 15:04:05\n"))
		return
	}
	load, err := proc.Load(procFS())
	if err != nil {
		c.Fail(err)
		return
	}
	all, err := sessions()
	if err != nil {
		c.Fail(err)
		return
	}
	fmt.Fprintf(c.Stdout, " %s up %s,  %d users,  load average: %s\n",
		now.Format("15:04:05"), upText(up), len(all), strings.Join(load[:3], ", "))
}

// upText is a time in words: "2 days,  3:05", "7 min".
func upText(up time.Duration) string {
	days := ""
	switch n := int(up / (24 * time.Hour)); n {
	case 0:
	case 1:
		days = "1 day, "
	default:
		days = fmt.Sprintf("%d days, ", n)
	}
	minutes := int(up/time.Minute) % (24 * 60)
	if minutes < 60 {
		return fmt.Sprintf("%s%d min", days, minutes)
	}
	return fmt.Sprintf("%s%2d:%02d", days, minutes/60, minutes%60)
}
