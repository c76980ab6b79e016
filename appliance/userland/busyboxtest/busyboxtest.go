// Package busyboxtest holds commands of the userland against busybox's, for tests: the same command line on
// the same files by both, and what both print on standard output, whether they complain, how they end, and
// which files are there afterwards must be the same. The words of complaints are everybody's own.
//
// A room's test is the commands, as a program of many names:
//
//	func TestMain(m *testing.M) {
//		if run := busyboxtest.Command(os.Args[0], text.Commands()); run != nil {
//			os.Exit(run(context.Background(), os.Args, os.Stdin, os.Stdout, os.Stderr))
//		}
//		os.Exit(m.Run())
//	}
//
//	func TestBusybox(t *testing.T) { busyboxtest.Compare(t, "testdata/busybox", text.Commands()) }
//
// In the directory is a txtar file for each command or kind. Its files are there when a line is run; its
// comment has the command lines, for sh. A line that begins with "#" says something to the reader. One with
// "~" is the reason why the line below it does something else than busybox's: it must differ, and
// docs/userland.md lists it. In place of what Debian's busybox lacks, as join, Debian's own command is the
// peer.
package busyboxtest

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/tools/txtar"

	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

// Command is the command that the test's program is called for; nil: it is the test.
func Command(called string, commands map[string]command.Command) multicall.Command {
	if c, ok := commands[multicall.Name(called)]; ok {
		return c.Main()
	}
	return nil
}

// patience is for one command line.
const patience = time.Minute

// A Case is a command line with its files.
type Case struct {
	File   string // of testdata
	Line   string
	Reason string // why it does something else than busybox's; "": it does the same
	files  []txtar.File
}

// Cases reads a directory of them.
func Cases(dir string) (all []Case, err error) {
	names, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err == nil && len(names) == 0 {
		err = fmt.Errorf("%s: expected files named *.txtar", dir)
	}
	for _, name := range names {
		archive, readErr := txtar.ParseFile(name)
		if readErr != nil {
			return nil, readErr
		}
		reason := ""
		for line := range strings.Lines(string(archive.Comment)) {
			switch line = strings.TrimSpace(line); {
			case line == "" || line[0] == '#':
			case line[0] == '~':
				reason = strings.TrimSpace(line[1:])
			default:
				all = append(all, Case{filepath.Base(name), line, reason, archive.Files})
				reason = ""
			}
		}
	}
	return all, err
}

// A Trial is how lines are run, where commands look at the machine.
type Trial struct {
	Alone bool // each line has processes and a network of its own: numbers are the same again
}

// Compare runs the cases of a directory.
func Compare(t *testing.T, dir string, commands map[string]command.Command) {
	t.Helper()
	Trial{}.Compare(t, dir, commands)
}

// Compare runs the cases of a directory.
func (r Trial) Compare(t *testing.T, dir string, commands map[string]command.Command) {
	t.Helper()
	cases, err := Cases(dir)
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs := programs(t, commands)
	turns := make(chan struct{}, runtime.NumCPU())
	for i, c := range cases {
		t.Run(fmt.Sprintf("%s/%d", strings.TrimSuffix(c.File, ".txtar"), i), func(t *testing.T) {
			t.Parallel()
			turns <- struct{}{}
			defer func() { <-turns }()
			got, want := r.both(t, c, ours, theirs)
			switch same := got.equal(want); {
			case same && c.Reason != "":
				t.Errorf("$ %s\ndoes what busybox's does; the reason why not is: %s", c.Line, c.Reason)
			case !same && c.Reason == "":
				t.Errorf("$ %s\nours:\n%s\nbusybox's:\n%s", c.Line, got, want)
			}
		})
	}
}

// both runs the line by ours and by theirs. A line may show the time: when results are not as expected, it
// runs again from the beginning of a second, so that both can see the same one.
func (r Trial) both(t *testing.T, c Case, ours, theirs string) (got, want result) {
	t.Helper()
	for range 3 {
		got, want = c.run(t, ours, r.Alone), c.run(t, theirs, r.Alone)
		if got.equal(want) == (c.Reason == "") {
			break
		}
		time.Sleep(time.Until(time.Now().Truncate(time.Second).Add(time.Second)))
	}
	return got, want
}

// programs are two directories with a name for each command: in ours those of the test's own program go
// before, in theirs Debian's own where busybox has none.
func programs(t *testing.T, commands map[string]command.Command) (ours, theirs string) {
	t.Helper()
	busybox, err := exec.LookPath("busybox")
	if err != nil {
		t.Fatal("busybox is missing: apt-get install busybox")
	}
	list, err := exec.Command(busybox, "--list").Output()
	if err != nil {
		t.Fatal(err)
	}
	own, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	ours, theirs = t.TempDir(), t.TempDir()
	names := map[string]string{}
	for name := range strings.FieldsSeq(string(list)) {
		names[name] = busybox
	}
	for name := range commands {
		if _, has := names[name]; has {
			continue
		}
		if names[name], err = exec.LookPath(name); err != nil {
			t.Fatalf("neither busybox nor Debian has %s to compare with: %v", name, err)
		}
	}
	link(t, theirs, names)
	for name := range commands {
		names[name] = own
	}
	link(t, ours, names)
	return ours, theirs
}

func link(t *testing.T, dir string, names map[string]string) {
	t.Helper()
	for name, program := range names {
		if err := os.Symlink(program, filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
}

// A result is what a command line came to.
type result struct {
	out       string
	complains bool
	how       string
	files     map[string]string
	err       string // for people
}

func (r result) equal(s result) bool {
	return r.out == s.out && r.complains == s.complains && r.how == s.how && maps.Equal(r.files, s.files)
}

func (r result) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s%s; on standard error: %q\n", r.out, r.how, r.err)
	for _, name := range slices.Sorted(maps.Keys(r.files)) {
		fmt.Fprintf(&b, "  %s: %s\n", name, r.files[name])
	}
	return b.String()
}

// run runs the line by dash, whose own commands are few, in a directory of its own.
func (c Case) run(t *testing.T, bin string, alone bool) (r result) {
	t.Helper()
	dir := t.TempDir()
	c.fill(t, dir)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	shell := []string{"/bin/dash", "-c", "umask 022; " + c.Line}
	if alone {
		shell = append([]string{"/usr/bin/unshare", "--pid", "--fork", "--mount-proc", "--net",
			"--kill-child"}, shell...)
	}
	cmd := exec.CommandContext(ctx, shell[0], shell[1:]...)
	cmd.Dir, cmd.WaitDelay = dir, time.Second
	cmd.Env = []string{"PATH=" + bin, "HOME=" + dir, "TZ=UTC0", "LC_ALL=C", "USER=root", "TERM=dumb"}
	var out, complaint bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &complaint
	// What a line leaves behind goes with it, and with the test if that is ended.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	err := cmd.Run()
	if cmd.Process != nil {
		_ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL)
	}
	var exit *exec.ExitError
	switch {
	case ctx.Err() != nil:
		r.how = "does not end"
	case err != nil && !errors.As(err, &exit):
		t.Fatal(err)
	default:
		r.how = cmd.ProcessState.String()
	}
	r.out = strings.ReplaceAll(out.String(), dir, "DIR")
	r.complains, r.err = complaint.Len() > 0, complaint.String()
	r.files = tree(t, dir)
	return r
}

// longAgo is when files of a case were made.
func longAgo() time.Time { return time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC) }

func (c Case) fill(t *testing.T, dir string) {
	t.Helper()
	for _, f := range c.files {
		path := filepath.Join(dir, filepath.FromSlash(f.Name))
		err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, f.Data, 0o644))
		if err = errors.Join(err, os.Chtimes(path, longAgo(), longAgo())); err != nil {
			t.Fatal(err)
		}
	}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			err = os.Chtimes(path, longAgo(), longAgo())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// tree is what is in a directory: kinds, modes, links, texts.
func tree(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || path == dir {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		what := info.Mode().String()
		switch {
		case info.Mode()&fs.ModeSymlink != 0:
			target, err := os.Readlink(path)
			if err != nil {
				return err
			}
			what += " to " + target
		case info.Mode().IsRegular():
			text, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			if what += fmt.Sprintf(" %q", text); len(text) > 200 {
				what = fmt.Sprintf("%s %d bytes %x", info.Mode(), len(text), sha256.Sum256(text))
			}
		}
		name, err := filepath.Rel(dir, path)
		all[name] = strings.ReplaceAll(what, dir, "DIR")
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}
