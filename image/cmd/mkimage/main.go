// Command mkimage makes an image of a site: a root disk, a kernel, the configuration for Xen, and a manifest.
//
// It needs no privilege. Every file is written beside its place and renamed, so what is there is always
// whole, and files that a running machine has open are left to it. Nothing of the machine, the user or the
// time enters the disk and the kernel.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/gatehouse-os/gatehouse/image"
	"github.com/gatehouse-os/gatehouse/site"
	"github.com/gatehouse-os/gatehouse/site/bundle"
	"github.com/gatehouse-os/gatehouse/site/dir"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// run returns the exit status: 0, 1 for an image that cannot be made, 2 for wrong arguments.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	j, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		fmt.Fprintln(stderr, "mkimage:", err)
		return 2
	}
	j.progress = stderr
	if err := j.run(ctx, stdout); err != nil {
		fmt.Fprintln(stderr, "mkimage:", err)
		return 1
	}
	return 0
}

// job is one image to make.
type job struct {
	site, out, source string // directories
	check, strict     bool
	diskSize          int64 // bytes; 0: the content and a little room
	sector            int64 // bytes, of the root disk
	kernel, kernelSrc string
	kernelInside      bool   // on the root disk, for GRUB
	moreKeys          string // file
	cache             string // directory
	e2fsck            string // file
	version           string
	progress          io.Writer
}

func parse(args []string, stderr io.Writer) (*job, error) {
	j := &job{sector: 512}
	f := flag.NewFlagSet("mkimage", flag.ContinueOnError)
	f.SetOutput(io.Discard) // who made a mistake is told that, and not all that there is
	f.StringVar(&j.site, "site", "examples/home", "the site `directory`")
	f.StringVar(&j.out, "out", "build", "the `directory` for the image")
	f.BoolVar(&j.check, "check", false, "only check the site and print what it means")
	f.BoolVar(&j.strict, "strict", false, "take warnings about the site for errors")
	f.Func("disk", "`size` of the root disk, such as 64M or 1G (default: its content and a little room)",
		func(s string) (err error) {
			j.diskSize, err = parseSize(s)
			return err
		})
	f.Func("sector", "`bytes` of a sector of the disk that it is written to: 512 or 4096 (default: 512)",
		func(s string) error {
			j.sector = map[string]int64{"512": 512, "4096": 4096}[s]
			if j.sector == 0 {
				return errors.New("expected 512 or 4096")
			}
			return nil
		})
	f.StringVar(&j.kernel, "kernel", "", "a ready bzImage `file`, instead of building one")
	f.StringVar(&j.kernelSrc, "kernel-src", "",
		"kernel source, a `tree` or a tarball (default: Debian's package linux-source)")
	f.Func("boot", "where Xen finds the kernel: `direct`, beside the disk, or grub, on it (default: direct)",
		func(s string) error {
			j.kernelInside = s == "grub"
			if s != "grub" && s != "direct" {
				return errors.New("expected direct or grub")
			}
			return nil
		})
	f.StringVar(&j.moreKeys, "authorized-keys", "", "a `file` of keys that may log in besides the site's")
	f.StringVar(&j.cache, "cache", "", "`directory` for what takes long to build (default: gatehouse in the user's cache directory)")
	f.StringVar(&j.source, "source", ".", "root `directory` of Gatehouse's source")
	f.StringVar(&j.e2fsck, "e2fsck", "/sbin/e2fsck.static", "the static e2fsck `file` for the image")
	f.StringVar(&j.version, "version", "", "the image's version (default: what git describe says of the source)")
	err := f.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		f.SetOutput(stderr)
		f.Usage()
	}
	if err != nil {
		return nil, err
	}
	if f.NArg() > 0 {
		return nil, fmt.Errorf("unexpected argument %q; see mkimage -h", f.Arg(0))
	}
	return j, nil
}

// run checks the site first: who made a mistake there should not wait for the compiler.
func (j *job) run(ctx context.Context, stdout io.Writer) error {
	s, files, warnings, err := j.readSite()
	if err != nil {
		return err
	}
	if j.check {
		err = site.Print(stdout, s)
	}
	if _, werr := io.WriteString(j.progress, warnings.Text()); j.check || werr != nil {
		return errors.Join(err, werr)
	}
	if err := j.defaults(ctx); err != nil {
		return err
	}
	in := image.Input{Site: s, SiteFiles: files, Version: j.version}
	made, err := j.make(ctx, in)
	if err != nil {
		return err
	}
	return made.summarise(stdout, s, j.site, j.moreKeys != "")
}

// readSite reads a site without errors.
func (j *job) readSite() (*site.Site, map[string][]byte, site.Problems, error) {
	fail := func(err error) (*site.Site, map[string][]byte, site.Problems, error) {
		return nil, nil, nil, err
	}
	from, err := dir.OpenSite(j.site)
	if err != nil {
		return fail(err)
	}
	defer from.Close()
	var keys []byte
	if j.moreKeys != "" {
		var err error
		if keys, err = dir.Whole(j.moreKeys, site.MaxKeys); err != nil {
			return fail(err)
		}
	}
	s, files, problems := bundle.Check(from, keys)
	if j.strict {
		problems = problems.Strict()
	}
	if problems.Failed() {
		return fail(fmt.Errorf("the site %s has problems:\n%w\n%s", j.site, problems, problems.Counts()))
	}
	return s, files, problems, nil
}

// defaults fills in what follows from the machine.
func (j *job) defaults(ctx context.Context) (err error) {
	if j.cache == "" {
		dir, err := os.UserCacheDir()
		if err != nil {
			return fmt.Errorf("no cache directory: %w; give one with -cache", err)
		}
		j.cache = filepath.Join(dir, "gatehouse")
	}
	if j.version == "" {
		j.version = describeSource(ctx, j.source)
	}
	j.out, err = filepath.Abs(j.out)
	return err
}
