// Command punctual turns the key: it reads the settings, wires the rooms together, takes them down in reverse when
// told to stop, and speaks to a running server from the shell.
//
//	main.go       run: arguments in, exit code out; the only place that knows the process
//	config.go     every setting of the server, in one table
//	serve.go      store → dispatcher → server → wait → the way back
//	dev.go        the same without a login, on loopback only; demo.go fills it with something to see
//	listen.go     a receiver that verifies and prints calls
//	bench.go      measures this machine: bench_run.go directs a sink, clients and a server, each a process of its own
//	client.go     the API from the shell: one request, one answer, one problem
//	command.go    what all client commands share; one file per noun beside it
//
// A setting is taken from its flag, else from PUNCTUAL_<FLAG>, else from the --config file, else from the table.
//
// Exit codes: 0 done, 1 it did not work, 2 it was asked for wrongly, 130 it was interrupted before it was done.
//
// SIGTERM, SIGINT and, where nohup does not keep it out, SIGHUP of a terminal that closes end the context of run, which is
// all the rest of the program knows of them. A second signal finds the default disposition restored and ends the process at
// once; nothing accepted is lost by that.
package main
