package system

import (
	"bytes"
	"fmt"
	"os/exec"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// stat writes a line of /proc/PID/stat.
func stat(pid, name, state string, ppid, group, session, tty, foreground, flags, utime, nice, threads, start, vsize, pages int) string {
	return fmt.Sprintf("%s (%s) %s %d %d %d %d %d %d 0 0 0 0 %d 0 0 0 20 %d %d 0 %d %d %d 18446744073709551615 1 1 0\n",
		pid, name, state, ppid, group, session, tty, foreground, flags, utime, nice, threads, start, vsize, pages)
}

// fakeProc is a /proc of a machine that is up for 1000 s.
func fakeProc() fstest.MapFS {
	file := func(s string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(s)} }
	uid := func(n int) *fstest.MapFile { return file(fmt.Sprintf("Name:\tx\nUid:\t0\t%d\t0\t0\n", n)) }
	return fstest.MapFS{
		"uptime":     file("1000.50 3000.00\n"),
		"meminfo":    file("MemTotal:         102400 kB\nMemFree: 1 kB\n"),
		"version":    file("no process"),
		"1/stat":     file(stat("1", "init", "S", 0, 1, 1, 0, -1, 0, 250, 0, 4, 10, 8<<20, 256)),
		"1/status":   uid(0),
		"1/cmdline":  file("/sbin/init\x00"),
		"2/stat":     file(stat("2", "kthreadd", "S", 0, 0, 0, 0, -1, 0x208040, 0, 0, 1, 0, 0, 0)),
		"2/status":   uid(0),
		"2/cmdline":  file(""),
		"40/stat":    file(stat("40", "a) S (b", "R", 1, 40, 30, 34817, 40, 0, 360000, -5, 1, 90050, 1<<20, 2560)),
		"40/status":  uid(4242),
		"40/cmdline": file("evil\x00\x1b[2J two words\x00\xff\x00"),
		"41/stat":    file(stat("41", "gone", "Z", 1, 41, 30, 1089, 40, 0, 0, 5, 1, 90050, 0, 0)),
		"41/status":  uid(4242),
		"41/cmdline": file(""),
		"42/cmdline": file("ended between the listing and the look"),
	}
}

func TestReadProcesses(t *testing.T) {
	all, err := readProcesses(fakeProc(), 4096)
	if err != nil {
		t.Fatal(err)
	}
	m, err := readMachine(fakeProc(), time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC))
	if err != nil {
		t.Fatal(err)
	}
	v := &view{machine: m, now: m.boot.Add(m.uptime), user: func(uid int) string { return fmt.Sprintf("u%d", uid) }}
	for format, want := range map[string]string{
		"user,pid,pcpu,pmem,vsz,rss,tty,stat,stime,time,args": `
USER  PID   %CPU %MEM  VSZ   RSS TTY   STAT START     TIME COMMAND
u0      1    0.2  1.0 8192  1024 ?     Ssl  11:43 00:00:02 /sbin/init
u0      2    0.0  0.0    0     0 ?     S    11:43 00:00:00 [kthreadd]
u4242  40 3600.0 10.0 1024 10240 pts/1 R<+  11:58 01:00:00 evil \x1b[2J two words \xff
u4242  41    0.0  0.0    0     0 ttyS1 ZN   11:58 00:00:00 [gone]
`,
		"pid=,ppid=": `
 1 0
 2 0
40 1
41 1
`,
		"uid,nlwp,etime,comm=NAME": `
 UID NLWP ELAPSED NAME
   0    4   16:40 init
   0    1   16:40 kthreadd
4242    1   01:40 a) S (b
4242    1   01:40 gone
`,
	} {
		columns, err := columnsOf(format)
		if err != nil {
			t.Fatal(err)
		}
		want = strings.TrimPrefix(want, "\n")
		if got := v.table(all, columns); got != want {
			t.Errorf("%s:\n%s\nwant:\n%s", format, got, want)
		}
	}
}

func TestBrokenProc(t *testing.T) {
	for file, want := range map[string]string{
		"40/stat=no parentheses":         "/proc/40/stat: no name in parentheses",
		"40/stat=40 (x) S 1 2":           "/proc/40/stat: 5 fields, expected 24 or more",
		"40/status=Name: x\n":            "/proc/40/status: no user id",
		"40/stat=x (x)" + words(22):      "/proc/40/stat: no process id",
		"40/stat=40 (x) S x" + words(20): `/proc/40/stat: strconv.Atoi: parsing "x": invalid syntax`,
	} {
		proc := fakeProc()
		name, text, _ := strings.Cut(file, "=")
		proc[name] = &fstest.MapFile{Data: []byte(text)}
		if _, err := readProcesses(proc, 4096); err == nil || !strings.HasPrefix(err.Error(), want) {
			t.Errorf("%q: %v, want %s", file, err, want)
		}
	}
}

// words returns n words " 0".
func words(n int) string { return strings.Repeat(" 0", n) }

func TestTTYName(t *testing.T) {
	for device, want := range map[int]string{
		0: "?", 4 << 8: "tty0", 4<<8 + 64: "ttyS0", 5<<8 + 1: "console", 136 << 8: "pts/0",
		137<<8 + 1: "pts/257", 229 << 8: "hvc0", 204<<8 + 64: "ttyAMA0", 250<<8 + 3: "250,3",
	} {
		if got := ttyName(device); got != want {
			t.Errorf("%#x: %s, want %s", device, got, want)
		}
	}
}

func TestTimes(t *testing.T) {
	for d, want := range map[time.Duration]string{
		0: "00:00:00 00:00", 61 * time.Minute: "01:01:00 01:01:00", 49*time.Hour + time.Second: "2-01:00:01 2-01:00:01",
	} {
		if got := cpuTime(d) + " " + elapsed(d); got != want {
			t.Errorf("%v: %s, want %s", d, got, want)
		}
	}
	now := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	for began, want := range map[time.Duration]string{time.Hour: "11:00", 72 * time.Hour: "Nov20", 9000 * time.Hour: "2025"} {
		v := &view{machine: machine{boot: now.Add(-began)}, now: now}
		if got := v.start(process{}); got != want {
			t.Errorf("%v ago: %s, want %s", began, got, want)
		}
	}
}

// TestPsKernel looks for a child of this test in the real /proc.
func TestPsKernel(t *testing.T) {
	child := exec.CommandContext(t.Context(), "sleep", "4711")
	if err := child.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := child.Process.Kill(); err != nil {
			t.Error(err)
		}
		_ = child.Wait() // killed
	}()
	pid := child.Process.Pid
	for args, want := range map[string]string{
		"":                                 fmt.Sprintf(`(?m)^ *%d root +\S+ +\d+ 00:00:00 sleep 4711$`, pid),
		"aux":                              fmt.Sprintf(`(?m)^root +%d +[\d.]+ +[\d.]+ +\d+ +\d+ \S+ +\S+ +\d\d:\d\d 00:00:00 sleep 4711$`, pid),
		"-aux":                             `(?m)\[kthreadd\]$`,
		"-ef":                              fmt.Sprintf(`(?m)^root +%d +\d+ +[\d.]+ \d\d:\d\d \S+ +00:00:00 sleep 4711$`, pid),
		fmt.Sprintf("-p %d -o args=", pid): `^sleep 4711\n$`,
	} {
		var stdout, stderr bytes.Buffer
		status := Ps(t.Context(), append([]string{"ps"}, strings.Fields(args)...), &stdout, &stderr)
		if status != 0 || stderr.Len() > 0 || !regexp.MustCompile(want).Match(stdout.Bytes()) {
			t.Errorf("ps %s: status %d, want %s in:\n%s%s", args, status, want, &stdout, &stderr)
		}
	}
	for args, want := range map[string]int{"-p 4194305": 1, "-o nothing": 2, "-Z": 2, "axq": 2, "-p x": 2} {
		var stdout, stderr bytes.Buffer
		if status := Ps(t.Context(), append([]string{"ps"}, strings.Fields(args)...), &stdout, &stderr); status != want {
			t.Errorf("ps %s: status %d, want %d; %s", args, status, want, &stderr)
		}
	}
}
