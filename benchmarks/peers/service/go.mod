module modelway.dev/benchmarks/service

go 1.22
