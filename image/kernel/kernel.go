// Package kernel builds the appliance's Linux kernel: one file, no modules, no initrd.
//
// The source is Debian's linux-source package (or a tree or tarball of the caller's), the configuration is
// allnoconfig plus the fragments in config/, and a build fails if a line of them did not take effect.
// The same source, fragments and toolchain give the same bytes wherever and whenever they are built.
// Kernels are cached by a hash of these inputs; several builders may share a cache directory.
//
// Only x86-64 is supported. Whether the kernel boots is for the image's own tests to show.
package kernel

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
)

// Options says what to build from and where to keep the result. The zero value builds from the newest
// installed linux-source package.
type Options struct {
	Source string // kernel source, a tree or a tarball; empty: the newest /usr/src/linux-source-*.tar.*
	Image  string // a ready kernel to use as it is: nothing is built and the other fields do not matter
	// Fragments is the configuration, the files config/*.config, of a kernel that is none of the appliance's,
	// for the tests of others; nil: the appliance's.
	Fragments fs.FS
	// finished kernels are kept in CacheDir/kernel; empty: gatehouse in the user's cache directory
	CacheDir string
	Jobs     int       // compilers at a time; 0: one per CPU
	Progress io.Writer // what a person is told meanwhile; nil: nothing
}

// Result is a kernel that is ready to boot.
type Result struct {
	Path       string // the bzImage
	Version    string // as uname -r prints it; empty if Options.Image does not tell
	Config     string // path of its .config; empty if Options.Image was given
	ConfigHash string // SHA-256 of the .config in hexadecimal; empty if Options.Image was given
}

// Build returns the kernel for o, from the cache if these inputs were built before. It takes minutes
// otherwise, and some 1.5 GB of disk in CacheDir while it runs.
//
// The error is a *MissingError if something has to be installed first, a FragmentError if the source cannot
// be configured as asked, and a *MakeError if the compiler failed.
func Build(ctx context.Context, o Options) (Result, error) {
	if o.Image != "" {
		return readyImage(o.Image)
	}
	if runtime.GOARCH != "amd64" {
		return Result{}, fmt.Errorf("the kernel can be built on x86-64 only, this is %s", runtime.GOARCH)
	}
	o, err := o.withDefaults()
	if err != nil {
		return Result{}, err
	}
	source, err := locate(o.Source, packagedSources)
	if err := bothMissing(err, requireTools(installed)); err != nil {
		return Result{}, err
	}
	cache := cache{filepath.Join(o.CacheDir, "kernel")}
	if err := os.MkdirAll(cache.dir, 0o755); err != nil {
		return Result{}, err
	}
	in, err := gatherInputs(ctx, source, o.Fragments, cache.dir)
	if err != nil {
		return Result{}, err
	}
	run := func(ctx context.Context, work string, log *os.File) error {
		b := build{source: source, fragments: o.Fragments, dir: work, jobs: o.Jobs, log: log,
			progress: o.Progress}
		return b.run(ctx)
	}
	result, err := cache.get(ctx, in.key(), o.Progress, run)
	if ctx.Err() != nil {
		return Result{}, ctx.Err() // and not that a program was killed
	}
	return result, err
}

func (o Options) withDefaults() (Options, error) {
	if o.CacheDir == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return o, fmt.Errorf("no place to keep the kernel: %w", err)
		}
		o.CacheDir = filepath.Join(dir, "gatehouse")
	}
	if o.Fragments == nil {
		o.Fragments = fragmentFiles
	}
	if o.Jobs <= 0 {
		o.Jobs = runtime.NumCPU()
	}
	if o.Progress == nil {
		o.Progress = io.Discard
	}
	return o, nil
}
