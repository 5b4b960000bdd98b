module example.com/riskwire-receiver

go 1.21
