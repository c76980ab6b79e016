package find

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
)

func (f *finder) print(e *entry) bool {
	f.Stdout.WriteString(e.path + "\n")
	return true
}

func (f *finder) print0(e *entry) bool {
	f.Stdout.WriteString(e.path + "\x00")
	return true
}

func (f *finder) empty(e *entry) bool {
	if !e.info.IsDir() {
		return e.info.Mode().IsRegular() && e.info.Size() == 0
	}
	list, err := os.ReadDir(e.path)
	if err != nil {
		f.Fail(command.Named(e.path, err))
		return false
	}
	return len(list) == 0
}

// maxBatch is how many bytes of arguments one command of -exec + gets.
const maxBatch = 32 << 10

// A batch collects files for -exec COMMAND {} +.
type batch struct {
	words []string
	files []string
	bytes int
}

// exec reads -exec.
func (p *parser) exec() (node, error) {
	end := slices.IndexFunc(p.args, func(arg string) bool { return arg == ";" })
	plus := -1
	for i := 1; i < len(p.args) && (end < 0 || i < end); i++ {
		if p.args[i] == "+" && p.args[i-1] == "{}" {
			plus = i
			break
		}
	}
	if plus >= 0 {
		b := &batch{words: p.args[:plus-1]}
		p.args = p.args[plus+1:]
		if len(b.words) == 0 {
			return nil, errors.New("-exec: expected a command")
		}
		p.batches = append(p.batches, b)
		return action(func(e *entry) bool { return b.add(p.finder, e.path) }), nil
	}
	if end < 1 {
		return nil, errors.New("-exec: expected a command and ; behind it")
	}
	words := p.args[:end]
	p.args = p.args[end+1:]
	return action(func(e *entry) bool {
		args := make([]string, len(words))
		for i, word := range words {
			args[i] = strings.ReplaceAll(word, "{}", e.path)
		}
		return p.run(args)
	}), nil
}

func (b *batch) add(f *finder, path string) bool {
	b.files = append(b.files, path)
	if b.bytes += len(path) + 9; b.bytes < maxBatch {
		return true
	}
	return b.flush(f)
}

// flush runs the command for what was collected.
func (b *batch) flush(f *finder) bool {
	if len(b.files) == 0 {
		return true
	}
	args := append(slices.Clone(b.words), b.files...)
	b.files, b.bytes = nil, 0
	return f.run(args)
}

// run runs a command and reports whether it ended with 0.
func (f *finder) run(args []string) bool {
	if f.Stdout.Flush() != nil {
		return false
	}
	cmd := child(f.Call, args)
	cmd.Stdin = f.Stdin
	err := cmd.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		f.Warn(fmt.Errorf("%s: %w", args[0], cause(err)))
	}
	return err == nil
}

// child is a command that writes where this one does.
func child(c *command.Call, args []string) *exec.Cmd {
	cmd := exec.CommandContext(c.Context, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = c.Stdout.Underlying(), c.Stderr
	return cmd
}

// cause is why a command could not be started.
func cause(err error) error {
	var execErr *exec.Error
	var path *os.PathError
	switch {
	case errors.As(err, &execErr):
		return execErr.Err
	case errors.As(err, &path):
		return path.Err
	}
	return err
}
