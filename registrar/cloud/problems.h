/* Why a cloud does not know, or does not do, what we want. */
#ifndef GATEHOUSE_REGISTRAR_CLOUD_PROBLEMS_H
#define GATEHOUSE_REGISTRAR_CLOUD_PROBLEMS_H

#include "core/base/problem.h"

#define CLOUD_PROBLEMS(X)                                                                          \
    X(E_CLOUD_UNCLAIMED, "cloud-unclaimed", "not registered",                                      \
      "Our account at the cloud has not been claimed. Ask the cloud's operator for a token and "   \
      "give it with `gatehousectl clouds set NAME --token-file FILE`.")                            \
    X(E_CLOUD_REFUSED, "cloud-refused", "not registered",                                          \
      "The cloud does not take us for the owner of the account (403). Check the account's name; "  \
      "when the token was used or has expired, or our keys are others than when the account was "  \
      "claimed, ask its operator for another token and give it with `gatehousectl clouds set "     \
      "NAME "                                                                                      \
      "--token-file FILE`.")                                                                       \
    X(E_CLOUD_REJECTED, "cloud-rejected", "not registered",                                        \
      "The cloud does not accept what we want to register; the detail has its words. Correct it "  \
      "with `gatehousectl clouds set`.")                                                           \
    X(E_CLOUD_FAILED, "cloud-failed", "try again later",                                           \
      "The cloud could not do it just now. It is tried again; what was registered before still "   \
      "holds.")                                                                                    \
    X(E_CLOUD_ANSWER, "cloud-answer", "bad answer from the cloud",                                 \
      "The cloud's answer is none that docs/cloud-registration.yaml knows. Check the URL; ask "    \
      "the "                                                                                       \
      "cloud's operator.")                                                                         \
    X(E_CLOUD_PROGRAM, "cloud-program", "not registered",                                          \
      "The program that speaks to the cloud did not succeed; the detail has what it wrote to "     \
      "standard error. It must be an executable file in the folder that cloud-programs in the "    \
      "node file names.")                                                                          \
    X(E_CLOUD_ADDRESS, "cloud-address", "not registered",                                          \
      "Devices would look for us at an address that our certificate does not have, and turn "      \
      "away. Correct est-domain, or make a certificate with that name: `gatehousectl identity "    \
      "renew --name`.")                                                                            \
    X(E_CLOUD_BLIND, "cloud-does-not-find-us", "not reachable",                                    \
      "The cloud has looked for us from outside, as devices will, and did not find us. Check the " \
      "address, its DNS entry, and what stands in front of this machine.")
DECLARE_PROBLEMS(cloud_problems, CLOUD_PROBLEMS)

#endif
