package tty_test

import (
	"context"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/creack/pty"

	"github.com/gatehouse-os/gatehouse/appliance/userland/tty"
)

// programs are two directories: busybox's commands, and the same with those of this room in their place.
func programs(t *testing.T) (ours, theirs string) {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: apt-get install busybox")
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = t.TempDir(), t.TempDir()
	for _, name := range []string{"sh", "cat", "test", "rm", "sed", "printf", "clear", "reset", "tty", "stty", "watch"} {
		mine := busybox
		if _, ok := tty.Commands()[name]; ok {
			mine = own
		}
		if err := errors.Join(os.Symlink(mine, filepath.Join(ours, name)), os.Symlink(busybox, filepath.Join(theirs, name))); err != nil {
			t.Fatal(err)
		}
	}
	return ours, theirs
}

// onTerminal is what a script prints on a terminal of its own.
func onTerminal(t *testing.T, bin string, columns uint16, script string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	cmd := exec.CommandContext(ctx, "/bin/dash", "-c", script)
	cmd.Dir, cmd.Env = t.TempDir(), []string{"PATH=" + bin, "TERM=linux", "LC_ALL=C"}
	master, err := pty.StartWithSize(cmd, &pty.Winsize{Rows: 24, Cols: columns})
	if err != nil {
		t.Fatal(err)
	}
	defer master.Close()
	out, _ := io.ReadAll(master) // it ends with EIO, when nobody has the other side any more
	if err := cmd.Wait(); err != nil && ctx.Err() != nil {
		t.Fatalf("%s: %v", script, err)
	}
	return string(out)
}

// TestModes holds stty and reset against busybox's on a terminal: after each line, all modes must be the
// same.
func TestModes(t *testing.T) {
	ours, theirs := programs(t)
	differ := map[string]string{
		"stty 0":                   "what was asked for is done: no error",
		"stty ispeed 9600":         "what was asked for is done: no error",
		"stty ospeed 19200":        "what was asked for is done: no error",
		"stty ispeed 1":            "there is no such speed: an error",
		"stty -":                   "no setting: an error",
		"COLUMNS=40 stty -a | cat": "the size is the terminal's, whatever the environment says",
	}
	lines := []string{
		"stty", "stty -a", "stty -g", "stty size", "stty speed", "stty size speed", "stty rows 10 cols 40 size", "stty columns 33",
		"stty rows 0", "stty rows x", "stty rows", "stty rows 70000", "stty line 3", "stty line 0", "stty 9600", "stty 115200 speed", "stty 57600", "stty 4000000",
		"stty 1234", "stty 0", "stty ispeed 9600", "stty ospeed 19200", "stty ispeed 1", "stty ispeed", "stty -a -g", "stty -ag",
		"stty -a echo", "stty -g echo", "stty -echo", "stty -echo; stty", "stty raw; stty", "stty raw -echo; stty", "stty sane min 3; stty",
		"stty raw; stty sane", "stty raw; stty cooked", "stty raw; stty -raw", "stty raw; reset >out", "stty -echo -icanon; reset",
		"stty sane; stty", "stty erase ^H; stty", "stty erase x", "stty erase 8", "stty erase 256", "stty erase 0x8", "stty erase ''", "stty erase ^?", "stty erase ^-", "stty erase undef",
		"stty erase ^", "stty intr '^é'", "stty intr ab", "stty intr", "stty min 5 time 10", "stty min x", "stty min 256", "stty nosuch",
		"stty -nosuch", "stty -cs8", "stty -sane", "stty -ek", "stty -crt", "stty -dec", "stty echo nosuch; stty -a", "stty -echo rows x; stty -a",
		"stty -F $(tty) -echo", "stty -F$(tty) -a", "stty -aF $(tty)", "stty -F $(tty) size", "stty -F", "stty -F /dev/null", "stty -F $(tty) -F $(tty)",
		"stty -echo -F $(tty)", "x=$(stty -g); stty raw -echo; stty $x", "stty 1:2:3", "stty 0:0:bf:0:0", "stty $(stty -g):0", "stty $(stty -g | sed s/^2/3/)",
		"stty -- echo", "stty --", "stty -", "stty ''", "stty echo -echo", "stty -x", "stty evenp nosuch", "COLUMNS=40 stty -a | cat", "stty -a >out; cat out",
		"stty -a </dev/null", "tty", "tty -s", "tty x", "tty </dev/null", "clear", "reset", "reset </dev/null", "reset </dev/null >out 2>&1; cat out",
	}
	names := "parenb parodd cmspar cs5 cs6 cs7 cs8 hupcl hup cstopb cread clocal crtscts ignbrk brkint ignpar parmrk inpck istrip inlcr igncr icrnl " +
		"ixon ixoff tandem iuclc ixany imaxbel iutf8 opost olcuc ocrnl onlcr onocr onlret ofill ofdel nl1 nl0 cr3 cr2 cr1 cr0 tab3 tab2 tab1 tab0 bs1 " +
		"bs0 vt1 vt0 ff1 ff0 isig icanon iexten echo echoe crterase echok echonl noflsh xcase tostop echoprt prterase echoctl ctlecho echoke " +
		"crtkill flusho extproc evenp parity oddp nl ek sane cooked raw pass8 litout cbreak crt dec decctlq tabs lcase LCASE"
	for name := range strings.FieldsSeq(names) {
		lines = append(lines, "stty "+name+"; stty", "stty -"+name+"; stty")
	}
	for _, line := range lines {
		for _, columns := range []uint16{80, 0, 37} {
			if columns != 80 && line != "stty -a" && line != "stty" {
				continue
			}
			script := "{ " + line + "; } 2>err; echo \" $?\"; test -s err && echo complains; stty -g; stty size"
			got, want := onTerminal(t, ours, columns, script), onTerminal(t, theirs, columns, script)
			switch reason := differ[line]; {
			case reason != "" && got == want:
				t.Errorf("%s does what busybox's does; the reason why not is: %s", line, reason)
			case reason == "" && got != want:
				t.Errorf("%s, %d columns\n%q\nbusybox's:\n%q", line, columns, got, want)
			}
		}
	}
}
