package kernel

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// cache is a directory of finished kernels. For a kernel KEY it holds
//
//	KEY/       the finished kernel: image, configuration, record; made by one rename
//	KEY.log    what the compiler said last; its flock(2) is the right to build KEY
//	KEY.work/  the build
type cache struct{ dir string }

// The files of a finished kernel, and of the directory "out" that a build leaves in its work directory.
const (
	imageName  = "vmlinuz"
	configName = "config"
	recordName = "kernel.json"
)

// record is kept beside a finished kernel, so that damage to the cache is noticed.
type record struct{ Version, Image, Config string } // the hashes are SHA-256

// get returns the kernel called key. If the cache does not have it, build makes it: it gets a directory of
// its own and a log file, and leaves its files in "out" of that directory.
func (c cache) get(ctx context.Context, key string, progress io.Writer,
	build func(ctx context.Context, work string, log *os.File) error) (Result, error) {
	if result, err := c.finished(key); err == nil {
		return result, nil
	}
	log, err := c.lock(ctx, key, progress)
	if err != nil {
		return Result{}, err
	}
	defer log.Close()
	if result, err := c.finished(key); err == nil {
		return result, nil // who held the lock before has built it
	}
	c.sweep()
	work := c.path(key, ".work")
	if err := errors.Join(log.Truncate(0), os.RemoveAll(work), os.Mkdir(work, 0o755)); err != nil {
		return Result{}, err
	}
	defer os.RemoveAll(work)
	if err := build(ctx, work, log); err != nil {
		return Result{}, err
	}
	if err := c.publish(key, filepath.Join(work, "out")); err != nil {
		return Result{}, err
	}
	return c.finished(key)
}

func (c cache) path(key, suffix string) string { return filepath.Join(c.dir, key+suffix) }

// finished returns the kernel called key if it is in the cache and undamaged.
func (c cache) finished(key string) (Result, error) {
	dir := c.path(key, "")
	text, err := os.ReadFile(filepath.Join(dir, recordName))
	if err != nil {
		return Result{}, err
	}
	var want record
	if err := json.Unmarshal(text, &want); err != nil {
		return Result{}, fmt.Errorf("%s: %w", dir, err)
	}
	got, err := describe(dir)
	if err == nil && got != want {
		err = fmt.Errorf("%s: the files are not those that were built", dir)
	}
	return Result{
		Path:       filepath.Join(dir, imageName),
		Version:    got.Version,
		Config:     filepath.Join(dir, configName),
		ConfigHash: got.Config,
	}, err
}

// describe makes the record of the kernel in dir.
func describe(dir string) (record, error) {
	image := filepath.Join(dir, imageName)
	version, err := imageVersion(image)
	if err != nil {
		return record{}, err
	}
	imageSum, err := sha256File(image)
	if err != nil {
		return record{}, err
	}
	configSum, err := sha256File(filepath.Join(dir, configName))
	return record{version, imageSum, configSum}, err
}

// publish puts the directory out of a build into its place, complete or not at all.
func (c cache) publish(key, out string) error {
	r, err := describe(out)
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(out, recordName), text, 0o644); err != nil {
		return err
	}
	if err := os.RemoveAll(c.path(key, "")); err != nil { // a damaged one
		return err
	}
	return os.Rename(out, c.path(key, ""))
}

// lock waits until nobody else builds key and returns the log of that build. Closing the file unlocks, but
// only when the compilers that inherited it have ended too: no build starts where stray ones still write.
func (c cache) lock(ctx context.Context, key string, progress io.Writer) (*os.File, error) {
	f, err := os.OpenFile(c.path(key, ".log"), os.O_CREATE|os.O_APPEND|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	for told := false; ; told = true {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return f, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			f.Close()
			return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
		}
		if !told {
			fmt.Fprintln(progress, "kernel: waiting for another build of the same kernel")
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(200 * time.Millisecond):
		}
	}
}

// sweep removes the work directories of builds that were killed.
func (c cache) sweep() {
	dirs, _ := filepath.Glob(c.path("*", ".work")) // the pattern is a constant
	for _, work := range dirs {
		lock, err := os.OpenFile(strings.TrimSuffix(work, ".work")+".log", os.O_CREATE|os.O_RDWR, 0o644)
		if err != nil {
			continue
		}
		if syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB) == nil {
			os.RemoveAll(work)
		}
		lock.Close()
	}
}
