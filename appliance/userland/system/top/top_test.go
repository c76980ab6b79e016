package top

import (
	"strings"
	"testing"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/userland/key"
	"github.com/gatehouse-os/gatehouse/appliance/userland/system/proc"
)

// at is a sample after some rounds of 1 s of two processors: 1 sleeps and is large, 2 is half of a processor,
// 3 was busy once, and 4 is another process each time.
func at(round int) Sample {
	s := Sample{
		All:    proc.CPU{User: 60 * round, System: 40 * round, Idle: 90 * round, Wait: 10 * round},
		Each:   []proc.CPU{{User: 100 * round}, {Idle: 100 * round}},
		Memory: map[string]int{"MemTotal": 100 << 20, "MemFree": 60 << 20, "Cached": 7 << 10},
		Load:   []string{"0.10", "0.20", "0.30", "1/4", "9"},
	}
	add := func(id, resident int, cpu, started time.Duration, line string) {
		s.Rows = append(s.Rows, &Row{&proc.Process{ID: id, Parent: 1, Resident: resident, CPU: cpu, Started: started}, "averylongname", "S  ", line})
	}
	add(1, 50<<20, 0, 0, "init")
	add(2, 1<<20, time.Duration(round)*500*time.Millisecond, 0, "busy")
	add(3, 2<<20, time.Hour, 0, "was busy")
	add(4, 3<<20, time.Duration(round)*time.Second, time.Duration(round)*time.Second, "new")
	return s
}

func order(lines []string, head int) string {
	var ids []string
	for _, l := range lines[head+1:] {
		ids = append(ids, strings.Fields(l)[0])
	}
	return strings.Join(ids, " ")
}

func TestLines(t *testing.T) {
	var top Top
	top.Take(at(1))
	top.Take(at(2))
	lines, head := top.Lines(0)
	want := `Mem: 40960K used, 61440K free, 0K shrd, 0K buff, 7K cached
CPU:  30% usr  20% sys   0% nic  45% idle   5% io   0% irq   0% sirq
Load average: 0.10 0.20 0.30 1/4 9
  PID  PPID USER     STAT   RSS %RSS %CPU COMMAND
    2     1 averylon S     1024   1%  25% busy
    1     1 averylon S    51200  50%   0% init
    4     1 averylon S     3072   3%   0% new
    3     1 averylon S     2048   2%   0% was busy`
	if got := strings.Join(lines, "\n"); got != want || head != 3 {
		t.Errorf("%d\n%s\nwant\n%s", head, got, want)
	}
}

func TestKeys(t *testing.T) {
	var top Top
	top.Take(at(1))
	top.Take(at(2))
	for _, tt := range []struct {
		key    key.Key
		answer Answer
		want   string
	}{
		{'M', Show, "1 4 3 2"}, {'T', Show, "3 4 2 1"}, {'n', Show, "4 3 2 1"}, {'R', Show, "1 2 3 4"}, {'r', Show, "4 3 2 1"},
		{'P', Show, "2 1 4 3"}, {key.Down, Show, "1 4 3"}, {key.Up, Show, "2 1 4 3"}, {key.Up, Show, "2 1 4 3"},
		{key.PageDown, Show, "4 3"}, {key.PageDown, Show, "3"}, {key.PageUp, Show, "1 4 3"}, {key.End, Show, "4 3"},
		{key.Home, Show, "2 1 4 3"}, {'k', Again, "2 1 4 3"}, {' ', Again, "2 1 4 3"}, {'H', Again, "2 1 4 3"},
		{'q', Quit, "2 1 4 3"}, {key.Ctrl('C'), Quit, "2 1 4 3"},
	} {
		answer := top.Key(tt.key)
		if got := order(top.Lines(8)); answer != tt.answer || got != tt.want {
			t.Errorf("key %q: %v, %s; want %v, %s", rune(tt.key), answer, got, tt.answer, tt.want)
		}
	}
	if !top.Threads {
		t.Error("H does not ask for threads")
	}
	top.Key('1')
	if lines, head := top.Lines(8); head != 4 || !strings.HasPrefix(lines[1], "CPU0: 100% usr") || !strings.HasPrefix(lines[2], "CPU1:   0% usr") {
		t.Errorf("%d\n%s", head, strings.Join(lines, "\n"))
	}
	for rows := range 8 {
		if lines, _ := top.Lines(rows); rows > 5 && len(lines) > rows {
			t.Errorf("%d lines in %d rows", len(lines), rows)
		}
	}
}
