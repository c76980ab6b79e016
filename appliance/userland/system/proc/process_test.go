package proc

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// stat writes a line of /proc/PID/stat.
func stat(id, name, state string, parent, group, session, tty, foreground, flags, utime, nice, threads, start, vsize, pages int) string {
	return fmt.Sprintf("%s (%s) %s %d %d %d %d %d %d 0 0 0 0 %d 0 0 0 20 %d %d 0 %d %d %d 18446744073709551615 1 1 0\n",
		id, name, state, parent, group, session, tty, foreground, flags, utime, nice, threads, start, vsize, pages)
}

func file(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }

func status(uid int) *fstest.MapFile {
	return file(fmt.Sprintf("Name:\tx\nUid:\t7\t%d\t0\t0\nGid:\t8\t9\t0\t0\n", uid))
}

// fakeProc is a /proc with a process that ends while one looks.
func fakeProc() fstest.MapFS {
	return fstest.MapFS{
		"version":            file("no process"),
		"1/stat":             file(stat("1", "init", "S", 0, 1, 1, 0, -1, 0, 250, 0, 4, 10, 8<<20, 256)),
		"1/status":           status(0),
		"1/cmdline":          file("/sbin/init\x00"),
		"2/stat":             file(stat("2", "kthreadd", "S", 0, 0, 0, 0, -1, 0x208040, 0, 0, 1, 0, 0, 0)),
		"2/status":           status(0),
		"2/cmdline":          file(""),
		"40/stat":            file(stat("40", "a) S (b", "R", 1, 40, 30, 34817, 40, 0, 360000, -5, 1, 90050, 1<<20, 2560)),
		"40/status":          status(4242),
		"40/cmdline":         file("/bin/evil\x00\x1b[2J two words\x00\xff\x00"),
		"40/task/40/stat":    file(stat("40", "a) S (b", "R", 1, 40, 30, 34817, 40, 0, 360000, -5, 1, 90050, 1<<20, 2560)),
		"40/task/40/status":  status(4242),
		"40/task/40/cmdline": file("x\x00"),
		"40/task/41/stat":    file(stat("41", "thread", "S", 1, 40, 30, 34817, 40, 0, 0, 0, 1, 0, 0, 0)),
		"40/task/41/status":  status(4242),
		"40/task/41/cmdline": file("x\x00"),
		"42/cmdline":         file("ended between the listing and the look"),
	}
}

func TestProcesses(t *testing.T) {
	all, err := Processes(fakeProc(), false, 4096)
	if err != nil {
		t.Fatal(err)
	}
	if len(all) != 3 {
		t.Fatalf("%d processes, want 3", len(all))
	}
	want := Process{
		ID: 40, Main: 40, Parent: 1, Group: 40, Session: 30, Name: "a) S (b", Args: []string{"/bin/evil", "\x1b[2J two words", "\xff"},
		State: 'R', Terminal: 34817, Foreground: 40, Nice: -5, Threads: 1, CPU: time.Hour, Started: 900500 * time.Millisecond,
		Virtual: 1 << 20, Resident: 10 << 20, UID: 4242, GID: 9, RealUID: 7, RealGID: 8,
	}
	if got := fmt.Sprintf("%+v", *all[2]); got != fmt.Sprintf("%+v", want) {
		t.Errorf("%s, want %+v", got, want)
	}
	if all[2].Command() != "evil" || all[1].Command() != "" || !all[1].Kernel || all[0].Kernel {
		t.Errorf("commands %q, %q, kernel %v %v", all[2].Command(), all[1].Command(), all[1].Kernel, all[0].Kernel)
	}
	threads, err := Processes(fakeProc(), true, 4096)
	if err != nil || len(threads) != 2 || threads[1].ID != 41 || threads[1].Main != 40 {
		t.Errorf("threads: %v, %v", threads, err)
	}
}

func TestBrokenProc(t *testing.T) {
	words := func(n int) string { return strings.Repeat(" 0", n) }
	for broken, want := range map[string]string{
		"40/stat=no parentheses":         "/proc/40/stat: no name in parentheses",
		"40/stat=40 (x) S 1 2":           "/proc/40/stat: 5 fields, expected 24 or more",
		"40/status=Name: x\n":            "/proc/40/status: no user and group ids",
		"40/stat=x (x)" + words(22):      "/proc/40/stat: no process id",
		"40/stat=40 (x) S x" + words(20): `/proc/40/stat: strconv.Atoi: parsing "x": invalid syntax`,
	} {
		fsys := fakeProc()
		name, text, _ := strings.Cut(broken, "=")
		fsys[name] = file(text)
		if _, err := Processes(fsys, false, 4096); err == nil || err.Error() != want {
			t.Errorf("%q: %v, want %s", broken, err, want)
		}
	}
}

func TestTerminal(t *testing.T) {
	for device, want := range map[Device]string{
		0: "", 4 << 8: "tty0", 4<<8 + 64: "ttyS0", 5<<8 + 1: "console", 136 << 8: "pts/0",
		137<<8 + 1: "pts/257", 229 << 8: "hvc0", 204<<8 + 64: "ttyAMA0", 250<<8 + 3: "250,3",
	} {
		if got := device.Terminal(); got != want {
			t.Errorf("%#x: %s, want %s", int(device), got, want)
		}
	}
}

func TestMachine(t *testing.T) {
	fsys := fstest.MapFS{
		"uptime":  file("1000.50 3000.00\n"),
		"meminfo": file("MemTotal:         102400 kB\nHugePages_Total: 3\n"),
		"loadavg": file("0.10 0.20 0.30 1/99 1234\n"),
		"stat":    file("cpu  1 2 3 4 5 6 7 8 9\ncpu0 1 0 0 0\ncpu1 0 2 3 4 5 6 7 8 0 0\nintr 5\n"),
	}
	up, err := Uptime(fsys)
	memory, err2 := Memory(fsys)
	load, err3 := Load(fsys)
	all, each, err4 := CPUs(fsys)
	got := fmt.Sprint(up, memory, load, all.Total(), all.Busy(), each, err, err2, err3, err4)
	want := "16m40.5s map[HugePages_Total:3 MemTotal:104857600] [0.10 0.20 0.30 1/99 1234] 36 27" +
		" [{1 0 0 0 0 0 0 0} {0 2 3 4 5 6 7 8}] <nil> <nil> <nil> <nil>"
	if got != want {
		t.Errorf("%s, want %s", got, want)
	}
	for name, text := range map[string]string{"uptime": "x", "meminfo": "MemFree: 1 kB", "loadavg": "1 2", "stat": "intr 1"} {
		fsys := fstest.MapFS{name: file(text)}
		_, err := Uptime(fsys)
		_, err2 := Memory(fsys)
		_, err3 := Load(fsys)
		_, _, err4 := CPUs(fsys)
		if err == nil || err2 == nil || err3 == nil || err4 == nil {
			t.Errorf("%s %q: %v %v %v %v, expected errors", name, text, err, err2, err3, err4)
		}
	}
}

// Lines of a kernel of a little-endian machine.
func TestSockets(t *testing.T) {
	const head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n"
	all := Sockets(fstest.MapFS{
		"self/net/tcp": file(head + "   0: 0100007F:0035 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 100 1\n"),
		"self/net/tcp6": file(head + "   0: B80D0120000000000000000001000000:0016 0000000000000000FFFF00000100A8C0:1F90 01 0:0 00:0 0 0 0 101 1\n" +
			"   1: 00000000000000000000000000000000:0016 00000000000000000000000000000000:0000 0A 0:0 00:0 0 0 0 102 1\n"),
		"self/net/udp":  file(head + "   0: 00000000:0043 00000000:0000 07 0:0 00:0 0 0 0 103 2\n   1: bad\n"),
		"self/net/unix": file("Num RefCount\n000000001: 00000002 00000000 00010000 0001 01 104 /run/a b\n2: 2 0 0 2 01 105\n"),
	})
	var lines []string
	for inode, s := range all {
		lines = append(lines, fmt.Sprintf("%d %s %v %v %s %s %s", inode, s.Protocol, s.Local, s.Remote, s.State, s.Kind, s.Path))
	}
	slices.Sort(lines)
	want := `100 TCP 127.0.0.1:53 *:* LISTEN  
101 TCP [2001:db8::1]:22 192.168.0.1:8080 ESTABLISHED  
102 TCP *:22 *:* LISTEN  
103 UDP *:67 *:*   
104 unix *:* *:* LISTEN STREAM /run/a b
105 unix *:* *:* UNCONNECTED DGRAM `
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("%s\nwant\n%s", got, want)
	}
}

func TestText6(t *testing.T) {
	for _, tt := range []struct {
		address [16]byte
		want    string
	}{
		{[16]byte{15: 1}, "[::1]:*"},
		{[16]byte{0: 0xfe, 1: 0x80}, "[fe80::]:*"},
		{[16]byte{1: 1, 5: 1, 15: 1}, "[1:0:1::1]:*"},
		{[16]byte{1: 1, 3: 1, 5: 1, 7: 1, 11: 1, 13: 1, 15: 1}, "[1:1:1:1:0:1:1:1]:*"},
	} {
		if got := (Endpoint{Address: tt.address[:]}).String(); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.address, got, tt.want)
		}
	}
}

func TestKiB(t *testing.T) {
	for octets, want := range map[int]string{
		0: "     0    0", 99999 << 10: " 99999  97m", 100000 << 10: " 97.6m  97m", 200 << 20: "  200m 200m", 3 << 40: " 3072g 3.0t",
		9999 << 10: "  9999 9999", 10000 << 10: " 10000 9.7m", 1 << 62: " 4096p 4.0e",
	} {
		if got := " " + KiB(octets, 5) + " " + KiB(octets, 4); got != want {
			t.Errorf("%d: %q, want %q", octets, got, want)
		}
	}
}

// FuzzProcess reads processes that call themselves anything: a process chooses its name and its arguments,
// and whoever mounts something the name of the place.
func FuzzProcess(f *testing.F) {
	f.Add(stat("7", "a) b", "S", 1, 7, 7, 34816, 7, 0, 0, 0, 1, 0, 0, 0), "Uid:\t0\t0\nGid:\t0\t0\n", "a\x00b\x00", "1 1 8:1 / /\\040x\n")
	f.Add("7 (", "Uid:\t0\n", "\x00", "\\")
	f.Add("7 )( S", "Uid: 0 x", "", "7f1 r 0 08:01 5 /lib x\n")
	f.Fuzz(func(t *testing.T, stat, status, cmdline, lines string) {
		fsys := fstest.MapFS{
			"7/stat": file(stat), "7/status": file(status), "7/cmdline": file(cmdline), "7/maps": file(lines),
			"self/mountinfo": file(lines), "self/net/tcp": file(lines), "self/net/unix": file(lines),
			"meminfo": file(lines), "stat": file(lines), "uptime": file(lines),
		}
		for _, m := range Mounts(fsys) {
			if m.Path == "" {
				t.Errorf("%q: a mount without a place", lines)
			}
		}
		Uses(fsys, 7)
		Sockets(fsys)
		if up, err := Uptime(fsys); err == nil && up < 0 {
			t.Errorf("%q: up for %v", lines, up)
		}
		if m, err := Memory(fsys); err == nil && m["MemTotal"] <= 0 {
			t.Errorf("%q: memory %v", lines, m)
		}
		_, _, _ = CPUs(fsys)
		all, err := Processes(fsys, false, 4096)
		if err != nil {
			return
		}
		for _, p := range all {
			if !strings.Contains(stat, "("+p.Name+")") || p.State == 0 || len(p.Args) > 0 && p.Args[len(p.Args)-1] == "" {
				t.Errorf("%q %q: %+v", stat, cmdline, p)
			}
		}
	})
}
