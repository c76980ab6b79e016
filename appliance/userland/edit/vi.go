package edit

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/appliance/userland/edit/vi"
	"github.com/gatehouse-os/gatehouse/appliance/userland/terminal"
)

const (
	viUsage = "[-c CMD] [-R] [FILE]..."
	viHelp  = "\t-c CMD\ta command first, as after a colon; before it, those of $EXINIT or ~/.exrc\n" +
		"\t-R\tread only: :w! writes all the same\n"
)

var errNoKeys = errors.New("no more keys can be read")

// A session is vi at work.
type session struct {
	*vi.Editor
	call     *command.Call
	terminal *terminal.Terminal
	display  display
	names    []string
	at       int                    // in names
	seen     map[string]fs.FileInfo // files as they were when they were read or written last
	readOnly bool
	over     bool
}

// runVi is the command vi.
func runVi(c *command.Call) {
	if c.Has('H') || c.Has('h') {
		c.Misused("commands are those of vi; :w writes, :q leaves")
		return
	}
	in, err := keyboard(c.Stdin, false)
	if err != nil {
		c.Fail(err)
		return
	}
	s := &session{call: c, terminal: terminal.Open(in), names: c.Args, readOnly: c.Has('R'),
		seen: map[string]fs.FileInfo{}}
	defer s.terminal.Close()
	s.display.out = c.Stdout
	s.Editor = vi.New(s.terminal.Size())
	_, _ = c.Stdout.WriteString(enterScreen)
	s.startup()
	s.open()
	for _, o := range c.Options {
		if o.Letter == 'c' {
			s.commands(o.Value)
		}
	}
	err = s.run()
	s.display.leave(s.Frame())
	if _ = c.Stdout.Flush(); err != nil {
		c.Fail(err)
	}
}

// run goes from key to key. Whoever flushes says what could not be drawn.
func (s *session) run() error {
	for !s.over {
		if !s.terminal.Waiting() {
			if s.display.draw(s.Frame()) != nil {
				return nil
			}
		}
		switch event := s.terminal.Next(s.call.Context, 0); event.Kind {
		case terminal.Ended:
			return errNoKeys
		case terminal.Resized:
			s.Resize(s.terminal.Size())
		case terminal.Pressed:
			s.Key(event.Key)
			s.answer()
		}
	}
	return nil
}

// answer does what the editor wants done.
func (s *session) answer() {
	for {
		wanted := s.Requests()
		if len(wanted) == 0 {
			return
		}
		for _, r := range wanted {
			s.perform(r)
		}
	}
}

func (s *session) perform(r vi.Request) {
	switch r.Operation {
	case vi.Write:
		s.Wrote(r, s.write(r))
	case vi.Read:
		text, _, err := load(r.Name, vi.MaxText)
		s.Put(r, text, err)
	case vi.Edit:
		s.load(r.Name)
	case vi.Quit:
		s.over = true
	case vi.Next:
		s.turn(s.at + 1)
	case vi.Prev:
		s.turn(s.at - 1)
	case vi.Rewind:
		s.turn(0)
	case vi.Suspend:
		s.display.leave(s.Frame())
		_ = s.call.Stdout.Flush()
		s.terminal.Suspend()
		_, _ = s.call.Stdout.WriteString(enterScreen)
		fallthrough
	case vi.Redraw:
		s.display.screen.Forget()
		s.Resize(s.terminal.Size())
	}
}

func (s *session) write(r vi.Request) error {
	if r.New {
		if _, err := os.Lstat(r.Name); err == nil {
			return errors.New("file exists (:w! overrides)")
		}
	}
	before, now := s.seen[r.Name], stat(r.Name)
	if before != nil && now != nil && !r.Force &&
		(!now.ModTime().Equal(before.ModTime()) || now.Size() != before.Size()) {
		return fmt.Errorf("'%s' was changed by somebody else (:w! overrides)", r.Name)
	}
	err := save(r.Name, r.Text)
	if err == nil && before != nil {
		s.seen[r.Name] = stat(r.Name)
	}
	return err
}

// stat is how a file is, nil if it is not there.
func stat(name string) fs.FileInfo {
	info, err := os.Stat(name)
	if err != nil {
		return nil
	}
	return info
}

// turn goes to another file of the command line.
func (s *session) turn(to int) {
	if to < 0 || to >= len(s.names) {
		s.over = true
		return
	}
	s.at = to
	s.open()
}

// open loads the file of the command line that it is at.
func (s *session) open() {
	if s.Before, s.After = s.at, max(len(s.names)-s.at-1, 0); len(s.names) == 0 {
		s.Load("", nil, "")
		return
	}
	s.load(s.names[s.at])
}

// load loads a file; one that is not there is new. What cannot be read is not edited, and its name is not
// kept: :w!, :wq! or ZZ would put what is on the screen in the place of it.
func (s *session) load(name string) {
	text, info, err := load(name, vi.MaxText)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		s.Load(name, nil, fmt.Sprintf("'%s' [New file]", name))
		s.ReadOnly = s.readOnly
	case err != nil:
		s.Load("", nil, "")
		s.Complain(err)
		s.ReadOnly = s.readOnly
	default:
		s.Load(name, text, "")
		s.seen[name] = info
		s.ReadOnly = s.readOnly || info.Mode()&0o222 == 0
	}
}

// startup does the commands of $EXINIT, or of ~/.exrc, which only its owner may write.
func (s *session) startup() {
	if commands, set := os.LookupEnv("EXINIT"); set {
		s.commands(commands)
		return
	}
	home := os.Getenv("HOME")
	if home == "" {
		return
	}
	const most = 64 << 10
	text, info, err := load(filepath.Join(home, ".exrc"), most)
	if err != nil {
		return
	}
	if owner, ok := info.Sys().(*syscall.Stat_t); !ok || int(owner.Uid) != os.Getuid() ||
		info.Mode()&0o022 != 0 {
		s.Complain(errors.New(".exrc: Permission denied"))
		return
	}
	s.commands(string(text))
}

// commands does lines as after a colon.
func (s *session) commands(lines string) {
	for line := range strings.Lines(lines) {
		s.Do(strings.TrimRight(line, "\n"))
		s.answer()
	}
}
