#!/usr/bin/perl

# Copyright (C) The ngx_http_llm_batch_module authors

# Guards the official SDKs of OpenAI, Ollama, Cohere, Voyage and Google for Node,
# as they are: what they return through several workers is what they return
# without nginx.

use v5.36;

use Test::More;

use FindBin;
use lib "$FindBin::Bin/lib";

use Test::LLMBatch;

my $t = Test::LLMBatch->new('SDKs')->has('llm_batch');
my @said = split /\n/, `$FindBin::Bin/sdk/install 2>&1`;

plan(skip_all => 'no SDKs: ' . ($said[-1] // '')) if $? != 0;


$t->conf(<<'EOF', workers => 4);
location / {
    llm_batch zone=llm;
    llm_batch_adapter openai_embeddings openai_completions openai_moderations
                      vllm_chat_batch ollama_embed cohere_embed gemini_embed
                      rerank;
    llm_batch_concurrency 2;
    llm_batch_max_size 64;
    llm_batch_max_wait 1s;
    proxy_pass http://backend;
}
EOF

# Voyage has the path of OpenAI

my $mock = $t->backend(8081, code => sub ($call) {
	return $call->{uri} =~ /voyage/ ? { as => 'voyage' } : {};
});
my $addr = $t->addr();

$t->run();
$mock->script(delay => 0.02);

my $command = join ' ', 'timeout -s KILL 100 node',
	"$FindBin::Bin/sdk/client.mjs", $said[-1], "http://$addr:8080",
	"http://$addr:8081 2>&1";
my @tap = split /\n/, `$command`;

is($? >> 8, 0, 'the program ends');
is((grep { /^1\.\.27$/ } @tap), 1, 'it made its tests');

my @failed = grep { /^not ok/ } @tap;

is(@failed, 0, 'answers are equal') or diag(join "\n", @tap);
diag(join "\n", @tap) if !grep { /^1\.\./ } @tap;

# half of them came straight

my @calls = map { $_->{headers}{'user-agent'} // '' } $mock->calls();
my $own = grep { /^ngx_http_llm_batch/ } @calls;

cmp_ok($own, '>', 5, 'calls were merged');
cmp_ok(scalar @calls, '<', 620 + 310, 'fewer calls than requests');

my @merged = $t->metric('llm_batch_requests_total{status="MERGED"}');

cmp_ok($merged[0] // 0, '>', 310, 'most requests were merged');

# of each API

my @formats = grep {
	($t->metric(qq!llm_batch_requests_total{adapter="$_",status="MERGED"}!)
		// 0) > 10
} qw/ openai_embeddings openai_completions openai_moderations vllm_chat_batch
	ollama_embed cohere_embed gemini_embed rerank /;

is(@formats, 8, 'of each API') or diag("@formats");

$t->done();
