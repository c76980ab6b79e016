package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/gatehouse-os/gatehouse/appliance/admin"
	"github.com/gatehouse-os/gatehouse/appliance/userland/command"
	"github.com/gatehouse-os/gatehouse/internal/trust"
)

// nftLists is nft: it lists the rules that are loaded. They come from the site, so it changes none.
func nftLists() command.Command {
	return command.Command{
		Usage: "list ruleset|tables|chains|sets|maps|counters [FAMILY]\nlist table FAMILY NAME\n" +
			"list chain|set|map|counter|flowtable FAMILY TABLE NAME",
		Help: "\t-a\tis taken: rules have no handles here\n\t-n, -s\tare taken: numbers are numbers\n" +
			"Rules come from the site: `gatehouse apply` changes them.\n",
		Letters: "ans",
		Run: func(c *command.Call) {
			if len(c.Args) == 0 || c.Args[0] != "list" {
				c.Misused("expected list: the rules come from the site, and gatehouse apply changes them")
				return
			}
			text, err := admin.NFTList(thisBox(c.Stdin, c.Stdout, c.Stderr), c.Args[1:])
			if err != nil {
				c.Fail(err)
				return
			}
			fmt.Fprint(c.Stdout, text)
		},
	}
}

// thisBox is what commands ask.
func thisBox(stdin io.Reader, stdout, stderr io.Writer) admin.Env {
	return admin.Env{
		Stdin: stdin, Stdout: stdout, Stderr: stderr, RunDir: runDir, Site: runningSite,
		Links: admin.ReadLinks, Machine: admin.ReadMachine, Now: time.Now, Kernel: admin.ThisKernel(),
		SSHConnection: os.Getenv("SSH_CONNECTION"), Image: os.DirFS(siteDir), KeptDir: keptDir,
		Person: person(os.Getenv), Authorities: trust.Date(),
	}
}
