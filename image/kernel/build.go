package kernel

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// The bzImage holds the kernel compressed; the fragment chooses the format and the build calls this program.
const (
	compressor        = "lz4"
	compressorPackage = "lz4"
)

// logTail is how much of the compiler's output a person is shown when it fails, in lines.
const logTail = 30

// settings are the variables of Kbuild that would else bring the builder's name, machine, time and
// count of builds into the kernel (Linux: Documentation/kbuild/reproducible-builds.rst).
func settings() []string {
	return []string{
		"KBUILD_BUILD_TIMESTAMP=Thu Jan  1 00:00:00 UTC 1970",
		"KBUILD_BUILD_USER=gatehouse",
		"KBUILD_BUILD_HOST=gatehouse",
		"KBUILD_BUILD_VERSION=1",
		"LC_ALL=C",
		"TZ=UTC",
	}
}

// steps are the arguments of make, in the order of the calls. The first makes a tree forget earlier builds.
func steps() (clean, configure, compile []string) {
	return []string{"mrproper"}, []string{"KCONFIG_ALLCONFIG=" + fragmentName, "allnoconfig"}, []string{"bzImage"}
}

const (
	fragmentName = "gatehouse.fragment"
	bzImagePath  = "arch/x86/boot/bzImage"
)

// recipe is how a kernel is built, as far as it decides about the kernel.
func recipe() []string {
	clean, configure, compile := steps()
	return append(settings(), strings.Join(clean, " "), strings.Join(configure, " "), strings.Join(compile, " "))
}

// build is one build of a kernel.
type build struct {
	source    sourceCode
	fragments fs.FS
	dir       string // empty and ours
	jobs      int
	log       *os.File // locked
	progress  io.Writer
}

// run leaves the kernel and its configuration in "out" of the build's directory.
func (b build) run(ctx context.Context) error {
	if strings.ContainsAny(b.dir, " :") {
		return fmt.Errorf("the kernel's make cannot work below %q: choose a cache directory without spaces and colons", b.dir)
	}
	tree, out := filepath.Join(b.dir, "linux"), filepath.Join(b.dir, "out")
	if err := errors.Join(os.Mkdir(tree, 0o755), os.Mkdir(out, 0o755)); err != nil {
		return err
	}
	meter := newMeter(b.progress)
	meter.say("unpacking %s", filepath.Base(b.source.path))
	if err := b.source.unpack(ctx, tree); err != nil {
		return err
	}
	if err := b.configure(ctx, tree, meter); err != nil {
		return err
	}
	_, _, compile := steps()
	meter.say("compiling, some 6 minutes of two CPUs (log: %s)", b.log.Name())
	if err := b.make(ctx, tree, meter, compile...); err != nil {
		return err
	}
	meter.end()
	return errors.Join(
		os.Rename(filepath.Join(tree, bzImagePath), filepath.Join(out, imageName)),
		os.Rename(filepath.Join(tree, ".config"), filepath.Join(out, configName)))
}

// configure makes the .config and checks that it is what the fragments ask for.
func (b build) configure(ctx context.Context, tree string, meter *meter) error {
	v, err := makefileVersion(tree)
	if err != nil {
		return err
	}
	fragment, err := readFragment(b.fragments, v)
	if err != nil {
		return err
	}
	var text strings.Builder
	for _, o := range fragment {
		fmt.Fprintln(&text, o.line())
	}
	if err := os.WriteFile(filepath.Join(tree, fragmentName), []byte(text.String()), 0o644); err != nil {
		return err
	}
	meter.say("configuring Linux %d.%d", v.major, v.minor)
	clean, configure, _ := steps()
	if b.source.tree {
		if err := b.make(ctx, tree, meter, clean...); err != nil {
			return err
		}
	}
	if err := b.make(ctx, tree, meter, configure...); err != nil {
		return err
	}
	config, err := os.ReadFile(filepath.Join(tree, ".config"))
	if err != nil {
		return err
	}
	return compare(fragment, string(config))
}

// make runs make in the tree with nothing of the caller's environment but the search path, or a
// CFLAGS or ARCH of the caller would change the kernel but not its key.
func (b build) make(ctx context.Context, tree string, meter *meter, args ...string) error {
	args = append([]string{"-j" + strconv.Itoa(b.jobs)}, args...)
	cmd := exec.CommandContext(ctx, "make", args...)
	cmd.Dir = tree
	cmd.Env = append(settings(), "PATH="+os.Getenv("PATH"))
	output := io.MultiWriter(b.log, meter)
	cmd.Stdout, cmd.Stderr = output, output
	cmd.ExtraFiles = []*os.File{b.log} // the lock: see cache.lock
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGTERM) }
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Run(); err != nil {
		return makeError(b.log.Name(), strings.Join(args, " "), err)
	}
	return nil
}

// MakeError says that the kernel's make failed.
type MakeError struct {
	Args string // of make
	Log  string // path of the whole log
	Tail string // its last lines
	Err  error  // exit status
}

func (e *MakeError) Error() string {
	return fmt.Sprintf("make %s: %v; the end of %s:\n%s", e.Args, e.Err, e.Log, e.Tail)
}

func (e *MakeError) Unwrap() error { return e.Err }

func makeError(log, args string, err error) error {
	text, readErr := os.ReadFile(log)
	if readErr != nil {
		return errors.Join(err, readErr)
	}
	return &MakeError{Args: args, Log: log, Tail: lastLines(string(text), logTail), Err: err}
}

// lastLines returns the last n lines of text.
func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
