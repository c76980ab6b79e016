// Command gatehouse is everything that runs on the appliance but its shell and
// the commands for files and text (command userland), in one static binary. What
// it does depends on the name it is called by:
//
//   - as process 1 it is the init: it boots the box and supervises the services;
//   - as /sbin/usermode-helper it ends the machine when the kernel wants it, and does nothing else;
//   - as "gatehouse" it is the command for people, the same on the console and
//     over ssh, and with "service NAME" one of the services;
//   - by any other name it is that command of the network (ip, ping, tcpdump, …).
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/boot"
	"github.com/gatehouse-os/gatehouse/appliance/box"
	"github.com/gatehouse-os/gatehouse/appliance/machine"
	"github.com/gatehouse-os/gatehouse/appliance/multicall"
	"github.com/gatehouse-os/gatehouse/site"
)

func main() {
	// The signals of init are requests, which it reads itself. A hook is the first process of a PID
	// namespace, and never root: it may be a command of this program.
	if os.Getpid() == 1 && os.Getuid() == 0 {
		os.Exit(runInit(context.Background(), os.Stdout))
	}
	if startedByKernel() {
		os.Exit(helpKernel(os.Args[0], boot.Request, kernelLog()))
	}
	ctx, stop := untilAsked()
	code := run(ctx, os.Args, os.Stdin, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// untilAsked is a context that ends when the process is asked to end, but by no signal that whoever has
// started it has it ignore.
func untilAsked() (context.Context, context.CancelFunc) {
	for _, sig := range multicall.Ignored() {
		signal.Ignore(sig)
	}
	asked := slices.DeleteFunc([]os.Signal{os.Interrupt, syscall.SIGTERM}, signal.Ignored)
	if len(asked) == 0 { // which to the package would be all
		return context.WithCancel(context.Background())
	}
	return signal.NotifyContext(context.Background(), asked...)
}

// run is the program but for init; it returns the exit status.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if command := commands().Command(args[0]); command != nil {
		return command(ctx, args, stdin, stdout, stderr)
	}
	if len(args) > 2 && args[1] == hookCommand {
		return become(args[2:], stderr)
	}
	if len(args) == 3 && args[1] == "service" {
		return runService(ctx, args[2], stderr)
	}
	limitMemory(memoryShare)
	_ = standInLine(commandFirst) // without proc nobody is killed in any order
	switch {
	case len(args) == 2 && args[1] == "version":
		fmt.Fprintln(stdout, "gatehouse", machine.Version())
		return 0
	case len(args) == 2 && args[1] == "names":
		fmt.Fprintln(stdout, strings.Join(commands().Names(), "\n"))
		return 0
	case len(args) > 1 && len(args) < 4 && (args[1] == "help" || args[1] == "-h" || args[1] == "--help"):
		if !admin.Usage(stdout, args[2:]...) {
			return 2
		}
		return 0
	}
	env := thisBox(stdin, onScreen(stdout, args[1:]), onScreen(stderr, args[1:]))
	return admin.Run(ctx, env, args[1:])
}

// runningSite is the site that this appliance is now.
func runningSite() (*site.Site, error) { return admin.ReadSite(runDir, os.DirFS(siteDir)) }

// person is who runs the command, as sshd says of its sessions; without one he is at the console.
func person(getenv func(string) string) box.Person {
	from, _, _ := strings.Cut(getenv("SSH_CONNECTION"), " ")
	if from == "" {
		return box.Person{Who: "console"}
	}
	connected, err := strconv.ParseInt(getenv("GATEHOUSE_CONNECTED"), 10, 64)
	if err != nil {
		connected = 1 // older than any change
	}
	return box.Person{Who: getenv("GATEHOUSE_KEY"), From: from, Connected: time.Duration(connected)}
}
